import { describe, expect, it } from 'vitest';
import { channelAt } from '../../../src/conda/channel/channel.js';
import { scanRepodata } from '../../../src/conda/record/repodata-scan.js';
import { pipEntry } from '../../../src/config/pip-section.js';
import { pipFindings } from '../../../src/jobs/pip-findings.js';

/** Which conda package an entry of a `pip:` section is. */

const MAIN = channelAt('https://conda.example/main');

function indexOf(subdir: string, names: readonly (string | [name: string, purl: string])[]) {
  const packages = Object.fromEntries(
    names.map((each) => {
      const [name, purl] = typeof each === 'string' ? [each] : each;
      const record = { name, version: '1', build: '0', build_number: 0, depends: [], subdir, md5: 'a'.repeat(32) };
      return [`${name}-1-0.conda`, purl === undefined ? record : { ...record, purls: [purl] }];
    }),
  );
  return scanRepodata(Buffer.from(JSON.stringify({ info: { subdir }, 'packages.conda': packages })), subdir);
}

async function wordsOf(entry: string, indexes: Record<string, Parameters<typeof indexOf>[1]>): Promise<string> {
  const pip = { file: 'environment.yml', line: 1, left: true, entries: [{ ...pipEntry(entry), line: 2 }] };
  const source = {
    repodata: async (_channel: unknown, subdir: string) =>
      indexes[subdir] === undefined ? undefined : indexOf(subdir, indexes[subdir]),
  };
  const [finding] = await pipFindings({ channels: [MAIN], subdirs: ['linux-64', 'win-64'] }, pip, source);
  return finding!.message.slice(finding!.message.indexOf('; ') + 2);
}

describe('pipFindings', () => {
  it.each<[string, string, Parameters<typeof indexOf>[1], string]>([
    ['by the table', 'torch>=2', ['pytorch', 'torchvision'], 'conda package pytorch in'],
    ['and where the name is a library in C', 'redis', ['redis', 'redis-py'], 'conda package redis-py in'],
    ['by PyPI’s name, where the channel has no other', 'graphviz', ['graphviz'], 'conda package graphviz in'],
    ['however it is written', 'Ruamel_YAML', ['ruamel.yaml'], 'conda package ruamel.yaml in'],
    ['opencv, headless', 'opencv-python-headless', ['opencv'], 'conda package opencv in'],
    ['tables', 'tables==3.9', ['pytables'], 'conda package pytables in'],
    ['msgpack', 'msgpack', ['msgpack', 'msgpack-python'], 'conda package msgpack-python in'],
    ['by a purl, before all', 'my_tool', ['my-tool', ['acme-tool', 'pkg:pypi/My.Tool']], 'conda package acme-tool in'],
    ['a purl of another', 'mine', [['other', 'pkg:pypi/else']], 'no conda package of that name'],
    ['nothing', 'constructor', ['pytorch'], 'no conda package of that name'],
  ])('%s', async (_what, entry, names, words) => {
    expect(await wordsOf(entry, { noarch: names })).toContain(words);
  });

  it('says for which platforms', async () => {
    expect(await wordsOf('torch', { 'win-64': ['pytorch'] })).toMatch(/, for win-64 only$/);
    expect(await wordsOf('torch', { 'win-64': ['pytorch'], 'linux-64': ['pytorch'] })).not.toContain('only');
  });
});
