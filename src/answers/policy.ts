import { code } from '../site/markdown.js';
import { NOARCH } from '../conda/channel/channel.js';
import { pathOf } from '../conda/channel/names.js';
import { judge, type JudgedPackage } from '../conda/policy/judge.js';
import { endedExceptions, type Policy } from '../conda/policy/policy.js';
import type { PolicyDenial, PolicyVerdict } from '../conda/policy/verdict.js';
import { platformsOf, type AskedChannel, type AskedPackage } from './asked.js';
import { graphOf } from './graph.js';
import { plainText, type NotesSection } from './notes-markdown.js';
import type { WhyStep } from './schema.js';
import { shortestWay } from './why.js';

/** Packages whose way is looked for: of a channel of others there may be thousands that are denied. */
const MOST_WAYS = 50;

/** What is judged; `attested` and `signed` are undefined where that is not known yet. */
export interface JudgedChannel extends AskedChannel {
  attested?: ((pkg: Pick<AskedPackage, 'subdir' | 'fn'>) => boolean) | undefined;
  signed?: boolean | undefined;
  /** By path; a package that is not in it was not looked into. */
  scripts?: ReadonlyMap<string, NonNullable<JudgedPackage['scripts']>> | undefined;
}

/**
 * What a policy says of a channel: each package that it denies with the rule and what pulls it in, what an exception let through, and when it
 * was judged. The same packages, policy and time give the same verdict.
 */
export function policyVerdict(policy: Policy, channel: JudgedChannel): PolicyVerdict {
  const denied: PolicyDenial[] = [];
  const excepted: PolicyVerdict['excepted'] = [];
  const undated: string[] = [];
  for (const each of channel.packages) {
    const { subdir, record } = each;
    const attested = channel.attested?.(each);
    const scripts = channel.scripts?.get(pathOf(each));
    const judged = judge(policy, { record, subdir, channel: each.channel, attested, scripts });
    const known = { path: pathOf(each), name: record.name, version: record.version };
    for (const { policy: of, text, because } of judged.denials)
      denied.push({ ...known, policy: of, rule: text, because, way: null });
    for (const { denial, exception } of judged.excepted) {
      const { policy: of, text, because } = denial;
      excepted.push({ ...known, policy: of, rule: text, because, reason: exception.reason, until: exception.until });
    }
    if (judged.undated) undated.push(known.path);
  }
  if (denied.length > 0) findWays(channel, denied.slice(0, MOST_WAYS));
  return {
    policies: policy.parts.map(({ name }) => name),
    at: new Date(policy.at).toISOString(),
    packages: channel.packages.length,
    denied,
    unsigned: channel.signed === false && policy.parts.some(({ require }) => require.includes('signature')),
    excepted,
    undated,
    ended: endedExceptions(policy).map(({ packages, reason, until }) => ({
      packages: packages.map(({ text }) => text),
      reason,
      until,
    })),
  };
}

function findWays(channel: AskedChannel, denied: readonly PolicyDenial[]): void {
  if ((channel.manifest?.specs.length ?? 0) === 0) return;
  const graphs = platformsOf(channel, []).map((platform) => graphOf(channel, platform));
  for (const each of denied) {
    for (const graph of graphs) {
      const node = graph.nodes.find(
        ({ name, version, build, subdir }) =>
          name === each.name && each.path.startsWith(`${subdir ?? NOARCH}/${name}-${version}-${build}.`),
      );
      const way = node && shortestWay(graph, node);
      if (way === undefined) continue;
      each.way = wayText(way);
      break;
    }
  }
}

/** `asked for: app; app 2.0 needs openssl >=3,<4` */
function wayText(way: readonly WhyStep[]): string {
  return way
    .map(({ constraint }, at) => {
      const from = way[at - 1];
      return from === undefined ? `asked for: ${constraint}` : `${from.name} ${from.version} needs ${constraint}`;
    })
    .join('; ');
}

/** What exceptions let through, as CHANGES.md tells it to whoever gets the packages: none of it goes by the clock. */
export function exceptionSections({ excepted }: PolicyVerdict): NotesSection[] {
  const lines = excepted.map(({ name, version, rule, because, reason, until }) => {
    return `- ${code(`${name} ${version}`)}, though ${plainText(`${rule} (${because}): ${reason}`)}, until ${until}`;
  });
  return lines.length === 0 ? [] : [{ title: 'Let through by an exception of the policy', lines }];
}
