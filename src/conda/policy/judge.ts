import type { Subdir } from '../channel/channel.js';
import { licenceMet, licenceNotAllowed } from '../licence/licence-list.js';
import type { PackageRecord } from '../record/records.js';
import { dayOf, publishedAt } from '../record/times.js';
import { patternFits, type SpecPattern } from '../spec/spec-entry.js';
import { isChannel } from './channel-name.js';
import type {
  Denial,
  Excepted,
  Policy,
  PolicyException,
  PolicyRules,
  Requirement,
  Rule,
  ScriptKind,
} from './policy.js';

/** A package as far as it is known where it is judged. */
export interface JudgedPackage {
  readonly record: PackageRecord;
  /** Where it lies. */
  readonly subdir: Subdir;
  /** Identity URL of its channel; null or undefined where nothing says it. */
  readonly channel: string | null | undefined;
  /** Undefined: not known yet. */
  readonly attested?: boolean | undefined;
  /** Paths of what runs at an installation; undefined: not known (yet). */
  readonly scripts?: Readonly<Record<ScriptKind, readonly string[]>> | undefined;
}

export interface Judgement {
  readonly denials: readonly Denial[];
  readonly excepted: readonly Excepted[];
  /** A rule by age lets it through for want of a date. */
  readonly undated: boolean;
}

/** What the policy says of one package. */
export function judge(policy: Policy, pkg: JudgedPackage): Judgement {
  const all = policy.parts.flatMap((rules) => denialsBy(rules, pkg, policy.at));
  const excepted: Excepted[] = [];
  const denials = all.filter((denial) => {
    const exception = exceptionFor(policy, denial, pkg);
    if (exception !== undefined) excepted.push({ denial, exception });
    return exception === undefined;
  });
  const undated = publishedAt(pkg.record) === undefined && policy.parts.some(({ newest }) => newest !== undefined);
  return { denials, excepted, undated: undated && denials.length === 0 };
}

function exceptionFor(policy: Policy, denial: Denial, pkg: JudgedPackage): PolicyException | undefined {
  return policy.parts
    .flatMap(({ except }) => except)
    .find(
      ({ packages, only, untilMs }) =>
        untilMs >= policy.at &&
        (only.length === 0 || only.includes(denial.rule) || denial.ids.some((id) => only.includes(id))) &&
        packages.some((entry) => isOf(entry, pkg)),
    );
}

function denialsBy(rules: PolicyRules, pkg: JudgedPackage, at: number): Denial[] {
  const { record, channel } = pkg;
  const { deny, allow, newest } = rules;
  const found: Denial[] = [];
  const say = (rule: Rule, text: string, because: string, ids: readonly string[] = []): void =>
    void found.push({ policy: rules.name, rule, text: `${rule} ${text}`, because, ids });
  const licence = licenceMet(deny.licenses ?? [], record);
  if (licence !== undefined) say('deny', `licenses: ${licence.entry.text}`, licence.because);
  const denied = deny.packages?.find((entry) => isOf(entry, pkg));
  if (denied !== undefined) say('deny', `packages: ${denied.text}`, `it is ${record.version}`);
  const from = deny.channels?.find((name) => isChannel(name, channel));
  if (from !== undefined) say('deny', `channels: ${from}`, `it comes from ${channel}`);
  for (const kind of deny.scripts ?? []) {
    const [first, ...more] = pkg.scripts?.[kind] ?? [];
    if (first !== undefined)
      say('deny', `scripts: ${kind}`, `it has ${first}${more.length === 0 ? '' : ` and ${more.length} more`}`);
  }

  const notAllowed = allow.licenses && licenceNotAllowed(allow.licenses, record);
  if (notAllowed !== undefined) say('allow', `licenses: ${textsOf(allow.licenses!)}`, notAllowed);
  if (allow.packages !== undefined && !allow.packages.some((entry) => isOf(entry, pkg)))
    say('allow', `packages: ${textsOf(allow.packages)}`, `it is ${record.name} ${record.version}`);
  if (allow.channels !== undefined && !allow.channels.some((name) => isChannel(name, channel)))
    say(
      'allow',
      `channels: ${allow.channels.join(', ')}`,
      channel ? `it comes from ${channel}` : 'its channel is not known',
    );

  const published = publishedAt(record);
  if (newest !== undefined && published === undefined && rules.undated === 'deny')
    say('newest', `${newest.text}, undated: deny`, 'its record has no date');
  if (newest !== undefined && published !== undefined && published > at - newest.ms)
    say(
      'newest',
      newest.text,
      `it is of ${dayOf(published)}, which is allowed from ${dayOf(published + newest.ms)} on`,
    );
  const { name, version, purls } = record;
  for (const { id, aliases, summary } of rules.advisories({ name, version, purls })) {
    say('advisories', id, `${version} is affected${summary === undefined ? '' : `: ${summary}`}`, [id, ...aliases]);
  }
  for (const wanted of rules.require) {
    const lack = lackOf(wanted, pkg);
    if (lack !== undefined) say('require', wanted, lack);
  }
  return found;
}

/** Undefined too for what is not of a package. */
function lackOf(wanted: Requirement, { record, attested }: JudgedPackage): string | undefined {
  if (wanted === 'license')
    return typeof record.license === 'string' && record.license.trim() !== ''
      ? undefined
      : 'its record states no license';
  if (wanted === 'sha256') return record.sha256 === undefined ? 'its channel states no sha256' : undefined;
  return wanted === 'attestations' && attested === false ? 'it has no attestation' : undefined;
}

function isOf(entry: SpecPattern, { record, subdir, channel }: JudgedPackage): boolean {
  const { channel: wanted } = entry.spec;
  return patternFits(entry, record, subdir) && (wanted === undefined || isChannel(wanted, channel));
}

const MOST_TEXTS = 8;

function textsOf(entries: readonly { text: string }[]): string {
  const shown = entries.slice(0, MOST_TEXTS).map(({ text }) => text);
  return `${shown.join(', ')}${entries.length > MOST_TEXTS ? ', …' : ''}`;
}
