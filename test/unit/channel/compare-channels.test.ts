import { describe, expect, it } from 'vitest';
import { compareChannels, type ComparedFile } from '../../../src/channel/compare-channels.js';

const file = (path: string, sha256 = path, record = 'r'): ComparedFile => ({ path, size: 10, sha256, record });
const paths = (...all: string[]): ComparedFile[] => all.map((path) => file(path));

describe('compareChannels', () => {
  const steps: [string, string, 'upgraded' | 'downgraded', string, string][] = [
    ['noarch/a-1.9-0.conda', 'noarch/a-1.10-0.conda', 'upgraded', '1.9', '1.10'],
    ['noarch/a-2.0-0.conda', 'noarch/a-2.0rc1-0.conda', 'downgraded', '2.0', '2.0rc1'],
    ['noarch/a-2-0.conda', 'noarch/a-1!1-0.conda', 'upgraded', '2', '1!1'],
    ['noarch/a-1-py39_9.conda', 'noarch/a-1-py39_10.conda', 'upgraded', '1 py39_9', '1 py39_10'],
    ['noarch/a-1-h1_2.conda', 'noarch/a-1-h2_1.conda', 'downgraded', '1 h1_2', '1 h2_1'],
    ['noarch/a-1-0.tar.bz2', 'noarch/a-1-0.conda', 'upgraded', 'a-1-0.tar.bz2', 'a-1-0.conda'],
  ];
  it.each(steps)('%s -> %s is %s', (before, after, kind, from, to) => {
    const changes = compareChannels(paths(before), paths(after));
    expect(changes).toMatchObject({
      added: [],
      removed: [],
      upgraded: [],
      downgraded: [],
      [kind]: [{ name: 'a', subdir: 'noarch', from, to }],
    });
  });

  it('pairs within a subdir only, newest with newest', () => {
    const changes = compareChannels(
      paths('noarch/a-1-0.conda', 'noarch/b-1-0.conda', 'noarch/b-3-0.conda'),
      paths('linux-64/a-2-0.conda', 'noarch/b-4-0.conda'),
    );
    expect(changes.added.map(({ fn }) => fn)).toEqual(['a-2-0.conda']);
    expect(changes.removed.map(({ fn }) => fn)).toEqual(['a-1-0.conda', 'b-1-0.conda']);
    expect(changes.upgraded).toEqual([{ name: 'b', subdir: 'noarch', from: '3', to: '4' }]);
  });

  it('tells kept, other record and other bytes apart', () => {
    const before = [
      file('noarch/a-1-0.conda'),
      file('noarch/b-1-0.conda', 'b', 'old'),
      file('noarch/c-1-0.conda', 'old'),
      { ...file('noarch/d-1-0.conda'), record: undefined },
    ];
    const after = [
      file('noarch/a-1-0.conda'),
      file('noarch/b-1-0.conda', 'b', 'new'),
      file('noarch/c-1-0.conda', 'new'),
      file('noarch/d-1-0.conda'),
    ];
    const changes = compareChannels(before, after);
    expect(changes.kept).toBe(2);
    expect(changes.rerecorded.map(({ name }) => name)).toEqual(['b', 'c']);
    expect(changes.bytesToTravel).toBe(10);
  });

  it('counts the bytes of every file that is new or other, indexes too, and nothing for what leaves', () => {
    const before = [file('noarch/repodata.json', 'one'), file('noarch/gone-1-0.conda'), file('manifest.json')];
    const after = [
      { ...file('noarch/repodata.json', 'two'), size: 7 },
      { ...file('noarch/new-1-0.conda'), size: 100 },
      file('manifest.json'),
    ];
    expect(compareChannels(before, after)).toMatchObject({ bytesToTravel: 107, bytesOfPackages: 100 });
  });

  it('takes no notice of files that are no artifacts', () => {
    const changes = compareChannels(paths('noarch/x.conda', 'noarch/deep/a-1-0.conda', 'notes.conda'), []);
    expect(changes).toEqual({
      added: [],
      removed: [],
      upgraded: [],
      downgraded: [],
      rerecorded: [],
      kept: 0,
      bytesToTravel: 0,
      bytesOfPackages: 0,
    });
  });

  it('is the same whatever the order of the files', () => {
    const [before, after] = [
      paths('noarch/b-1-0.conda', 'noarch/a-1-0.conda', 'noarch/c-1-0.conda'),
      paths('noarch/c-2-0.conda', 'noarch/z-1-0.conda', 'noarch/y-1-0.conda'),
    ];
    expect(compareChannels(before.toReversed(), after.toReversed())).toEqual(compareChannels(before, after));
  });
});
