import { describe, expect, it } from 'vitest';
import { explainClientFormat } from '../../../../src/engine/embedded/explain-client-format.js';
import type { RepodataSource } from '../../../../src/conda/record/repodata-index.js';
import type { TargetClient } from '../../../../src/conda/plan/profile.js';
import { clientView } from '../../../../src/conda/channel/view.js';
import type { TestRecord } from './sources.js';
import { CONDA_44, chan, rec, requestOf, sharedSolver, sourceOf } from './sources.js';

const { rt, solver } = sharedSolver();

function viewed(source: RepodataSource, client: TargetClient): RepodataSource {
  const view = clientView(client);
  return {
    async repodata(channel, subdir) {
      const index = await source.repodata(channel, subdir);
      return index === undefined ? undefined : view(index);
    },
  };
}

async function explain(records: TestRecord[], client: TargetClient = CONDA_44, specs = ['x']) {
  const channels = [chan('c', records)];
  const full = sourceOf(channels);
  const request = requestOf({ specs, channels, client });
  return explainClientFormat(rt, { request, full, viewed: viewed(full, client), solver: solver() });
}

describe('a client that can not read what the channels have', () => {
  it('lists every package of the solution that exists only as .conda, and no other', async () => {
    const error = await explain([
      rec('x 1', { depends: ['y', 'z'], format: 'tar.bz2' }),
      rec('y 1', { depends: ['w'] }),
      rec('w 1', { subdir: 'noarch', noarch: 'generic' }),
      rec('z 1'),
      rec('z 1', { format: 'tar.bz2' }),
    ]);
    expect(error?.code).toBe('E_CLIENT_FORMAT');
    expect(error?.what).toContain("conda 4.4 can't read 2 of the packages");
    expect(error?.details).toEqual([
      'linux-64/y-1-0.conda: exists only as .conda',
      'noarch/w-1-0.conda: exists only as .conda',
    ]);
  });

  it('names dependencies on virtual packages that it does not know, also without any in the profile', async () => {
    const error = await explain([rec('x 1', { depends: ['__glibc >=2.17'], format: 'tar.bz2' })]);
    expect(error?.details).toEqual(['linux-64/x-1-0.tar.bz2: depends on __glibc >=2.17']);
  });

  it('says both at once', async () => {
    const error = await explain([rec('x 1', { depends: ['__unix'] })]);
    expect(error?.details).toEqual(['linux-64/x-1-0.conda: exists only as .conda and depends on __unix']);
  });

  it('is not blamed for a request that nobody can solve', async () => {
    expect(await explain([rec('x 1', { depends: ['absent'] })])).toBeUndefined();
    expect(await explain([rec('y 1')])).toBeUndefined();
  });

  it('is not blamed where it reads everything', async () => {
    expect(
      await explain([rec('x 1')], { ...CONDA_44, readsCondaFormat: true, knowsVirtualPackages: true }),
    ).toBeUndefined();
  });
});
