import { join } from 'node:path';
import { PAPERS_NAME } from '../../channel/manifest/manifest.js';
import type { Paper, PaperMaker, PapersInput } from '../proposal.js';
import type { Runtime } from '../../runtime/runtime.js';

/**
 * The papers of what is staged (design D18). They belong to a generation: as long as it stays, so do those that it has, byte for byte; what is
 * damaged or was not asked for before is made anew. A new generation without a maker has none: what they told is no longer so.
 */
export async function papersOf(rt: Runtime, maker: PaperMaker | undefined, input: PapersInput): Promise<Paper[]> {
  const { manifest, live } = input;
  if (live.manifest?.generation !== manifest.generation)
    return maker === undefined
      ? []
      : maker.make(input, { all: maker.names, wanted: (name) => maker.names?.includes(name) ?? true });
  const stated = live.manifest.files.filter(({ kind }) => kind === 'paper');
  const has = new Map(stated.map((file) => [file.path.slice(PAPERS_NAME.length + 1), file]));
  const names = maker?.names ?? [...has.keys()];
  const papers: Paper[] = [];
  for (const [name, { path, sha256 }] of has) {
    if (names.includes(name) && live.files.get(path)?.sha256 === sha256)
      papers.push({ name, bytes: await rt.fs.readFile(join(live.dir, path)) });
  }
  const lacking = names.filter((name) => !papers.some((paper) => paper.name === name));
  if (lacking.length === 0 || maker === undefined) return papers;
  return [...papers, ...(await maker.make(input, { all: names, wanted: (name) => lacking.includes(name) }))];
}
