import { expect, it } from 'vitest';
import { parseMirrorText } from '../../../../src/config/mirror-file/read.js';
import { pickFiles } from '../../../../src/jobs/mirror/pick-files.js';
import type { MirrorRequest } from '../../../../src/jobs/mirror/mirror-request.js';
import { systemClock } from '../../../../src/runtime/clock.js';
import { testRuntime } from '../../../helpers/runtime.js';
import { channel, sourcesOf } from '../../mirror/mirror-sample.js';

const [main, other] = [channel('main'), channel('other')];
const sources = [
  ...sourcesOf(main, {
    'app-1-0': { depends: ['lib'], license: 'MIT', timestamp: 1_600_000_000_000 },
    'app-2-0': { depends: ['lib >=2', 'python 3.10.*'], license: 'MIT', timestamp: 1_700_000_000_000 },
    'lib-1-0': { subdir: 'noarch', timestamp: 1_500_000_000_000 },
    'lib-2-0': { subdir: 'noarch', depends: ['agpl'], timestamp: 1_700_000_000_000 },
    'agpl-1-0': { license: 'AGPL-3.0' },
    'python-3.10-0': {},
    'python-3.11-0': {},
    'lost-1-0': { depends: ['nowhere'] },
    'bad-1-0': { sha256: 'no digest' },
  }),
  ...sourcesOf(other, { 'app-1-0': {}, 'lib-3-0': {}, 'lib-2-0': { subdir: 'noarch', size: 7 } }),
];
const TOTAL = sources.reduce((sum, { index }) => sum + index.size, 0);

const FILTERS = [
  '',
  'include: [app]',
  'include: ["app=1", lost]',
  'blacklist: [agpl]',
  'license_blacklist: [AGPL]\nwhitelist: [agpl]',
  'exclude: ["lib<2"]',
  'latest: 1',
  'latest: 1\ninclude: [app]',
  'python: ["3.10"]\ninclude: [app]',
  'since: 2019-01-01\ninclude: [app]',
  'until: 2021-01-01',
];
const rows = ['no', 'all', 'solve'].flatMap((mode) => FILTERS.map((filter) => [mode, filter] as const));

it.each(rows)('M6: counts add up with with_dependencies %s and filter %j', async (mode, filter) => {
  const settings = parseMirrorText(
    `mirror_dir: /srv/m/main\nplatforms: [linux-64]\n${filter}\nwith_dependencies: ${mode}\n`,
    'mirror.yml',
  );
  const request = {
    settings,
    channels: [main, other],
    channelPriority: 'strict',
    profiles: [{ subdir: 'linux-64', virtualPackages: [], client: undefined }],
  } as unknown as MirrorRequest;
  const choice = await pickFiles({ ...testRuntime(), clock: systemClock() }, request, sources);
  const left = Object.values(choice.excluded).reduce((sum, count) => sum + count, 0);
  expect(Object.values(choice.excluded).every((count) => count > 0)).toBe(true);
  expect(choice.picked.length + left + choice.refused.length).toBe(TOTAL);
});
