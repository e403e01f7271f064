import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { makeChannel, makePackage, type SamplePackage } from '../../../scripts/lib/sample-upstream.js';
import type { Channel } from '../../../src/conda/channel/channel.js';
import { nodeFileSystem } from '../../../src/runtime/fs.js';
import { undiciHttp } from '../../../src/runtime/http.js';
import { failureOf, openTestGateway, plannedOf, type TestGateway } from '../../helpers/gateway.js';
import { testRuntime } from '../../helpers/runtime.js';

let dir: string;
let channel: Channel;
let pkg: SamplePackage;
let gateway: TestGateway;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'repackenv-file-channel-'));
  pkg = await makePackage({ name: 'pytho', version: '1.9', files: { 'a.txt': 'a' } });
  await makeChannel(join(dir, 'my channel'), [pkg]);
  channel = { url: pathToFileURL(join(dir, 'my channel')).href, name: 'mine', authenticated: false, role: 'base' };
  gateway = await openTestGateway({ channels: [channel] });
});
afterEach(async () => {
  await gateway.close();
  rmSync(dir, { recursive: true, force: true });
});

describe('a channel in a folder', () => {
  it('has indexes and artifacts like any other, and is not copied into the repodata cache', async () => {
    expect((await gateway.repodata(channel, 'noarch'))?.has(pkg.distFilename)).toBe(true);
    expect(await gateway.repodata(channel, 'linux-64')).toBeUndefined();
    expect((await gateway.download(plannedOf(channel, pkg))).sha256).toBe(pkg.record.sha256);
    expect(readdirSync(join(gateway.cacheDir, 'repodata'))).toEqual([]);
  });

  it('that is not there: E_UPSTREAM_NOT_FOUND', async () => {
    rmSync(join(dir, 'my channel'), { recursive: true });
    const error = await failureOf(gateway.repodata(channel, 'linux-64'));
    expect([error.code, error.where]).toEqual(['E_UPSTREAM_NOT_FOUND', `${channel.url}/linux-64`]);
  });

  it.each(['', ' \n'])('C3 an index file that holds nothing (%j) is an empty index', async (text) => {
    for (const name of readdirSync(join(dir, 'my channel/noarch'))) rmSync(join(dir, 'my channel/noarch', name));
    writeFileSync(join(dir, 'my channel/noarch/repodata.json'), text);
    expect((await gateway.repodata(channel, 'noarch'))?.size).toBe(0);
  });

  it('N11 lacks an artifact, or has other bytes', async () => {
    const path = join(dir, 'my channel', 'noarch', pkg.distFilename);
    writeFileSync(path, Buffer.from(pkg.bytes).fill(0, 0, 9));
    expect((await failureOf(gateway.download(plannedOf(channel, pkg)))).code).toBe('E_ARTIFACT_DIGEST');
    rmSync(path);
    expect((await failureOf(gateway.download(plannedOf(channel, pkg)))).code).toBe('E_ARTIFACT_MISSING');
    mkdirSync(path);
    expect((await failureOf(gateway.download(plannedOf(channel, pkg)))).code).toBe('E_ARTIFACT_MISSING');
  });

  it('never reads what a link outside the folder leads to', async () => {
    const path = join(dir, 'my channel', 'noarch', pkg.distFilename);
    writeFileSync(join(dir, 'outside'), pkg.bytes);
    rmSync(path);
    symlinkSync(join(dir, 'outside'), path);
    const error = await failureOf(gateway.download(plannedOf(channel, pkg)));
    expect([error.code, error.what]).toEqual(['E_UPSTREAM', expect.stringMatching(/leads out of the channel folder/)]);
    expect((await failureOf(gateway.download({ ...plannedOf(channel, pkg), fn: '../../outside' }))).code).toBe(
      'E_UPSTREAM',
    );
  });

  it('may itself be a link', async () => {
    symlinkSync(join(dir, 'my channel'), join(dir, 'link'));
    const linked = { ...channel, url: pathToFileURL(join(dir, 'link')).href };
    const other = await openTestGateway({ channels: [linked] });
    expect((await other.repodata(linked, 'noarch'))?.size).toBe(1);
    await other.close();
  });

  it('that this account may not read: names the file and the reason', async () => {
    const fs = nodeFileSystem();
    const denied = Object.assign(new Error('EACCES'), { code: 'EACCES' });
    const rt = testRuntime({ http: undiciHttp(), fs: { ...fs, openNoFollow: () => Promise.reject(denied) } });
    const other = await openTestGateway({ channels: [channel], rt });
    const error = await failureOf(other.repodata(channel, 'noarch'));
    expect([error.code, error.where]).toEqual(['E_UPSTREAM', `${channel.url}/noarch/repodata.json.zst`]);
    expect(error.what).toMatch(/EACCES/);
    await other.close();
  });
});
