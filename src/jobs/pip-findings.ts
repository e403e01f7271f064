import type { Finding } from '../base/findings.js';
import { pypiName } from '../conda/channel/names.js';
import { NOARCH, type Channel } from '../conda/channel/channel.js';
import type { RepodataSource } from '../conda/record/repodata-index.js';
import { pipRefused } from '../config/pip-section.js';
import type { RepackRequest } from './request.js';

/**
 * What pip was to install, each entry with the conda package of its name, where a declared channel has one: `not-conda` findings.
 *
 * @throws RepackError E_SPEC_FILE with the same in its details, unless the label is delivered without them
 */
export async function pipFindings(
  { channels, subdirs }: Pick<RepackRequest, 'channels' | 'subdirs'>,
  pip: NonNullable<RepackRequest['pip']>,
  source: RepodataSource,
): Promise<Finding[]> {
  const wanted = new Set(pip.entries.flatMap(({ name }) => name ?? []));
  const known = new Map<string, string>();
  for (const channel of channels)
    for (const [name, words] of await condaNames({ channel, subdirs, source, wanted }))
      if (!known.has(name)) known.set(name, words);
  const lines = pip.entries.map(({ text, line, name }) => {
    if (name === undefined) return { text, line, words: 'not by name, so not looked for' };
    return { text, line, words: known.get(name) ?? 'no conda package of that name in the declared channels' };
  });
  if (!pip.left)
    throw pipRefused(
      pip,
      lines.map(({ text, line, words }) => `line ${line}: ${text}: ${words}`),
    );
  return lines.map(({ text, line, words }) => ({
    code: 'not-conda',
    message: `${text} stands in the pip: section (${pip.file}, line ${line}): it is not in the folder; ${words}`,
    subject: text,
    exit: true,
  }));
}

/** Of the wanted names of PyPI those that a channel has: `conda package ruamel.yaml in URL, for linux-64 only`. */
async function condaNames(task: {
  channel: Channel;
  subdirs: readonly string[];
  source: RepodataSource;
  wanted: ReadonlySet<string>;
}): Promise<Map<string, string>> {
  const { channel, subdirs, source, wanted } = task;
  const found = new Map<string, { name: string; has: Set<string> }>();
  for (const subdir of [...subdirs, NOARCH]) {
    const index = await source.repodata(channel, subdir);
    for (const name of new Set(index?.packageNames())) {
      const key = pypiName(name);
      if (!wanted.has(key)) continue;
      const { has } = found.get(key) ?? found.set(key, { name, has: new Set() }).get(key)!;
      for (const each of subdir === NOARCH ? subdirs : [subdir]) has.add(each);
    }
  }
  return new Map(
    [...found].map(([key, { name, has }]) => {
      const only = has.size === subdirs.length ? '' : `, for ${[...has].join(', ')} only`;
      return [key, `conda package ${name} in ${channel.url}${only}`];
    }),
  );
}
