import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openWorkplace, type UpdateOptions, type Workplace } from '../helpers/programs.js';

/** What a person may get wrong, and what the answer says of it. */
describe('messages', () => {
  let work: Workplace;
  beforeAll(async () => {
    work = await openWorkplace();
    expect((await work.update()).exitCode).toBe(0);
  });
  afterAll(() => work.close());

  const base = (path: string): UpdateOptions => ({ args: ['--base-url', `${work.upstream.url}${path}`] });
  it.each<[string, () => UpdateOptions, string | RegExp]>([
    ['M14 a wrong owner', () => ({ args: ['--owner', 'prometea'] }), /what to do: Check owner and label/],
    [
      'M14 the owner in --base-url',
      () => base('/prometeia'),
      // Whichever of its channels answers first.
      /--base-url names the owner prometeia already|Does --base-url end before the owner\? Its path is \/prometeia\./,
    ],
    [
      'M14 the whole channel in --base-url',
      () => base('/prometeia/label/halkbank'),
      /--base-url ends before the owner: leave \/prometeia\/label\/halkbank out there|Its path is \/prometeia\/label\/halkbank\./,
    ],
    [
      'M14 specs that exclude each other',
      () => ({ packages: ['pytho==1.9', 'pytho==1.8'] }),
      /pytho==1\.9.*pytho==1\.8|exclude/s,
    ],
    ['M14 LABEL and TOKEN', () => ({ label: 'env:CONDA_TOKEN', token: 'halkbank' }), 'LABEL looks like a token'],
    ['M14 TOKEN and ROOT', () => ({ token: 'repos', root: 'env:CONDA_TOKEN' }), 'ROOT looks like a token'],
  ])('%s', async (_name, options, says) => {
    const ran = await work.update(options());
    expect(ran.exitCode).not.toBe(0);
    expect(ran.stderr).toMatch(says);
  });

  it('an owner that stands in --base-url only', async () => {
    const args = ['--base-url', `${work.upstream.url}/prometeia`, '--', 'acme', 'none', work.root, 'pytho'];
    const ran = await work.run('update-offline-repo', args);
    expect(ran.stderr).toContain(`is it the prometeia of --base-url? Then that is ${work.upstream.url})`);
  });

  it('diff against a URL that the token was not sent to', async () => {
    const url = `${work.upstream.url}/prometeia`;
    const args = ['diff', work.labelDir, url, '--token-env', 'CONDA_TOKEN', '--cache-dir', work.cache];
    const untold = await work.run('repackenv', args);
    expect(untold.stderr).toContain(`the token was not sent to ${url}, so private packages there are not seen`);
    const owner = ['--owner', 'prometeia', '--base-url', work.upstream.url];
    expect((await work.run('repackenv', [...args, ...owner])).stderr).not.toContain('was not sent');
  });

  it('a variable and a platform that are probably slips', async () => {
    const root = `${work.dir}/slips`;
    const ran = await work.update({ root, args: ['--subdir', 'linux-46'], env: { REPACKENV_OWNR: 'acme' } });
    expect(ran.stderr).toContain('warning: conda knows no platform linux-46. Did you mean linux-64?\n');
    expect(ran.stderr).toMatch(/warning: .*REPACKENV_OWNR has no effect.* Did you mean REPACKENV_OWNER\?\n/);
  });

  it('doctor --site-prefix says whether it fits', async () => {
    const doctor = async (prefix: string) =>
      (await work.run('repackenv', ['doctor', work.labelDir, '--site-prefix', prefix])).stdout;
    expect(await doctor('/opt/conda')).toContain('environments in a path of 10 characters: every package fits');
    const long = `C:\\${'x'.repeat(250)}`;
    expect(await doctor(long)).toContain('environments in a path of 253 characters: not every package fits');
    expect((await work.run('repackenv', ['doctor', work.labelDir])).stdout).not.toContain('environments in a path');
  });

  it('clean names a first run that is at work, and calls nothing of it history', async () => {
    const silent = createServer(() => undefined);
    await new Promise<void>((resolve) => void silent.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const running = work.start({ label: 'acme', args: ['--base-url', url] });
    try {
      expect(await running.says('solve: ')).toBe(true);
      const ran = await work.run('repackenv', ['clean', '--root', work.root, '--cache-dir', work.cache]);
      expect(ran.stdout).toMatch(/acme: update, pid \d+ on .*, is at work on its first delivery/);
      expect(ran.stdout).not.toContain('history');
    } finally {
      running.child.kill('SIGTERM');
      await running.ended;
      silent.closeAllConnections();
      silent.close();
    }
  });
});
