import { NOARCH } from '../../conda/channel/channel.js';
import { dependencyName, parseDependency } from '../../conda/spec/dependency.js';
import { specMatches } from '../../conda/spec/match-spec.js';
import type { TargetProfile } from '../../conda/plan/profile.js';
import { isPython } from '../../conda/record/records.js';
import type { PackageRecord } from '../../conda/record/records.js';
import { parseVersion } from '../../conda/spec/version.js';
import type { MirrorSource } from '../select/gather.js';
import { checkedRecord } from '../select/record.js';
import type { Rules } from '../select/rules.js';

/** A file that may be mirrored, and what of its record a choice goes by: a fraction of a parsed record's memory. */
export interface GraphFile {
  readonly source: MirrorSource;
  readonly fn: string;
  readonly name: string;
  readonly version: string;
  readonly build: string;
  readonly build_number: number;
  readonly timestamp: number;
  /** It has `track_features`: taken only where nothing else will do. */
  readonly features: boolean;
  /** Undefined where the record can't be used: a solver has to say so. */
  readonly needs: readonly Need[] | undefined;
  readonly constrains: readonly string[];
  /** The machines don't have the virtual packages that it depends on. */
  readonly notHere: boolean;
}

/** An entry of `depends` that packages satisfy. One object a text. */
export interface Need {
  readonly text: string;
  /** Empty where it has none. */
  readonly name: string;
  readonly readable: boolean;
}

/** Files by name, and which of them an entry of `depends` can mean; records are read when they are first asked for, and once. */
export interface PackageGraph {
  readonly profile: TargetProfile;
  ofName(name: string): readonly GraphFile[];
  meantBy(text: string): readonly GraphFile[];
  /** Does more than one channel have files of this name? */
  inSeveralChannels(name: string): boolean;
  /** Number of files that were read. */
  size(): number;
}

interface GraphInput {
  sources: readonly MirrorSource[];
  rules: Rules;
  profile: TargetProfile;
}

/** The files for one platform that neither licence list, blacklist, exclude nor python forbid. */
export function packageGraph({ sources, rules, profile }: GraphInput): PackageGraph {
  const inReach = sources.filter(({ subdir }) => subdir === profile.subdir || subdir === NOARCH);
  const byName = new Map<string, readonly GraphFile[]>();
  const byText = new Map<string, readonly GraphFile[]>();
  const several = new Map<string, boolean>();
  const needs = new Map<string, Need>();
  const lists = new Map<string, Pick<GraphFile, 'needs' | 'notHere'>>();
  const constraints = new Map<string, readonly string[]>();
  let size = 0;

  const ofName = (name: string): readonly GraphFile[] => {
    let files = byName.get(name);
    if (files === undefined) byName.set(name, (files = inReach.flatMap((source) => loaded(source, name))));
    return files;
  };

  function loaded(source: MirrorSource, name: string): GraphFile[] {
    const files: GraphFile[] = [];
    for (const fn of source.index.filenames(name)) {
      const { record } = checkedRecord(source, fn);
      if (record === undefined) {
        files.push({ ...UNUSABLE, source, fn, name });
        continue;
      }
      if (rules.forbids({ record, channel: source.channel, subdir: source.subdir }) !== undefined) continue;
      const { version, build, build_number, timestamp = 0 } = record;
      files.push({
        source,
        fn,
        name,
        version,
        build,
        build_number,
        timestamp,
        features: hasFeatures(record),
        constrains: shared(constraints, record.constrains ?? []),
        ...needsOf(record),
      });
    }
    size += files.length;
    return files;
  }

  /** Builds of one package often have one list. */
  function needsOf(record: PackageRecord): Pick<GraphFile, 'needs' | 'notHere'> {
    // What has no version by conda's rules can't be ordered: no solver takes it.
    if (parseVersion(record.version) === undefined) return UNUSABLE;
    const depends = needsPip(record) ? [...record.depends, 'pip'] : record.depends;
    const key = depends.join('\n');
    let list = lists.get(key);
    if (list === undefined) {
      const [virtual, packages] = [true, false].map((is) =>
        depends.filter((text) => dependencyName(text).startsWith('__') === is),
      ) as [string[], string[]];
      list = { needs: packages.map(needOf), notHere: !virtual.every((text) => isThere(text, profile)) };
      lists.set(key, list);
    }
    return list;
  }

  /** The solver keeps to it, too; for an unknown client where there is a pip. */
  function needsPip(record: PackageRecord): boolean {
    return isPython(record) && (profile.client?.injectsPip ?? ofName('pip').length > 0);
  }

  function needOf(text: string): Need {
    let need = needs.get(text);
    if (need === undefined) {
      const { spec } = parseDependency(text);
      need = { text, name: spec?.name ?? dependencyName(text), readable: spec !== undefined };
      needs.set(text, need);
    }
    return need;
  }

  return {
    profile,
    ofName,
    size: () => size,
    meantBy(text) {
      let meant = byText.get(text);
      if (meant === undefined) {
        const { spec } = parseDependency(text);
        const all = ofName(spec?.name ?? dependencyName(text));
        const wanted = spec === undefined ? undefined : { ...spec, subdir: undefined };
        meant =
          wanted === undefined ? all : all.filter((file) => file.needs === undefined || specMatches(wanted, file));
        byText.set(text, meant);
      }
      return meant;
    },
    inSeveralChannels(name) {
      let answer = several.get(name);
      if (answer === undefined) {
        several.set(name, (answer = new Set(ofName(name).map(({ source }) => source.channel)).size > 1));
      }
      return answer;
    },
  };
}

const UNUSABLE = {
  version: '',
  build: '',
  build_number: 0,
  timestamp: 0,
  features: false,
  needs: undefined,
  constrains: [],
  notHere: false,
} as const;

/** Is the virtual package that an entry of `depends` asks for one of the machines'? */
function isThere(text: string, { virtualPackages }: TargetProfile): boolean {
  const { spec } = parseDependency(text);
  return spec !== undefined && virtualPackages.some((each) => specMatches(spec, { ...each, build_number: 0 }));
}

function hasFeatures({ track_features: features }: PackageRecord): boolean {
  return Array.isArray(features) ? features.length > 0 : typeof features === 'string' && features !== '';
}

function shared(known: Map<string, readonly string[]>, texts: readonly string[]): readonly string[] {
  const key = texts.join('\n');
  const same = known.get(key);
  if (same === undefined) known.set(key, texts);
  return same ?? texts;
}

/** What a record may need: some client wants pip with its python. */
export function dependsWithPip(record: PackageRecord): readonly string[] {
  return isPython(record) ? [...record.depends, 'pip'] : record.depends;
}
