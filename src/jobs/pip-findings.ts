import type { Finding } from '../base/findings.js';
import { pypiName } from '../conda/channel/names.js';
import { NOARCH, type Channel } from '../conda/channel/channel.js';
import type { RepodataIndex, RepodataSource } from '../conda/record/repodata-index.js';
import { isRepackError } from '../base/errors.js';
import { purlNames } from '../conda/advisory/osv.js';
import { CONDA_NAMES } from '../conda/pypi-names.js';
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
  const found = new Map<string, { name: string; rank: number; has: Set<string> }>();
  for (const subdir of [...subdirs, NOARCH]) {
    const index = await source.repodata(channel, subdir);
    if (index === undefined) continue;
    const document = Buffer.from(index.document.buffer, index.document.byteOffset, index.document.length);
    const purls = document.includes('pkg:pypi/');
    for (const name of new Set(index.packageNames())) {
      const says = purls ? purlsOf(index, name) : [];
      for (const key of wanted) {
        const rank = rankOf(key, name, says);
        const before = found.get(key);
        const other = before !== undefined && before.name !== name;
        if (rank === undefined || (other && before.rank <= rank)) continue;
        const has = before === undefined || other ? new Set<string>() : before.has;
        for (const each of subdir === NOARCH ? subdirs : [subdir]) has.add(each);
        found.set(key, { name, rank: before === undefined || other ? rank : Math.min(rank, before.rank), has });
      }
    }
  }
  return new Map(
    [...found].map(([key, { name, has }]) => {
      const only = has.size === subdirs.length ? '' : `, for ${[...has].join(', ')} only`;
      return [key, `conda package ${name} in ${channel.url}${only}`];
    }),
  );
}

/** How sure it is that a conda package is that one of PyPI: by the purls of a record of it, by the table, by its own name. */
function rankOf(pypi: string, name: string, purls: readonly string[]): number | undefined {
  if (purls.includes(`pypi/${pypi}`)) return 0;
  if (CONDA_NAMES[pypi] === name) return 1;
  return pypiName(name) === pypi ? 2 : undefined;
}

function purlsOf(index: RepodataIndex, name: string): string[] {
  const fn = index.filenames(name).at(-1);
  try {
    return fn === undefined ? [] : purlNames(index.record(fn)?.purls);
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return [];
  }
}
