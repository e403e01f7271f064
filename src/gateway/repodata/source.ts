import { NOARCH, type Channel, type Subdir } from '../../conda/channel/channel.js';
import { RepackError, isRepackError } from '../../base/errors.js';
import type { Finding } from '../../base/findings.js';
import { canonicalJson } from '../../base/json.js';
import type { RepodataIndex } from '../../conda/record/repodata-index.js';
import { SHARDS } from '../../channel/index/derived-files.js';
import { artifactPlace, type ArtifactPlace } from '../base-url.js';
import { refusedStatus } from '../explain-failure.js';
import type { FetchedRepodata, MissingRepodata } from './answers.js';
import type { RepodataFetcher } from './fetch.js';
import { reachedIndexes } from './reached-indexes.js';
import { opensWithToken, type WireRules } from '../wire-url.js';

/** The indexes of the declared channels, each fetched once a run. */
export interface ChannelIndexes {
  /** As published; undefined where the channel is there but has no such subdir. */
  published(channel: Channel, subdir: Subdir): Promise<RepodataIndex | undefined>;
  /** Through the label's view. */
  viewed(channel: Channel, subdir: Subdir): Promise<RepodataIndex | undefined>;
  /** Where the subdir's artifacts are asked. */
  place(channel: Channel, subdir: Subdir): Promise<ArtifactPlace>;
  /**
   * An artifact is missing or has other bytes: looks whether `repodata.json` knows better than the packed index that was used. Then the
   * next run reads that one, and the answer is a sentence that says so.
   */
  secondOpinion(channel: Channel, subdir: Subdir, fn: string): Promise<string | undefined>;
  findings(): Finding[];
  /** What was read so far, in the order in which it was asked for. */
  read(): Promise<IndexRead[]>;
}

export interface IndexRead {
  channel: Channel;
  subdir: Subdir;
  /** Of the index, unpacked; null where the channel has none. */
  sha256: string | null;
}

export interface RepodataBookOptions {
  /** Highest priority first. */
  channels: readonly Channel[];
  fetcher: RepodataFetcher;
  rules: WireRules;
  view: (index: RepodataIndex) => RepodataIndex;
  /** What will be asked of the indexes: with it, channels that have shards (CEP 16) give these names and all that they need, no more. */
  reach?: Reach | undefined;
}

export interface Reach {
  names: readonly string[];
  subdirs: readonly Subdir[];
}

/** A `.zst` may be written some minutes before or after its `.json`. */
const SAME_WRITE_MS = 60 * 60 * 1000;

export function repodataBook(options: RepodataBookOptions): ChannelIndexes {
  const { channels, fetcher, rules } = options;
  const findings = new Map<string, Finding>();
  const { reach } = options;
  const opened = keptUntilFailure((channel: Channel, subdir: Subdir) =>
    reach === undefined ? fetcher.whole(channel, subdir) : fetcher.byName(channel, subdir),
  );
  const asked: { channel: Channel; subdir: Subdir; answer?: FetchedRepodata | MissingRepodata }[] = [];
  /** The sharded ones, by `placeKey`, once all that the names reach is loaded. */
  let reached: Promise<ReadonlyMap<string, FetchedRepodata | MissingRepodata>> | undefined;
  const loaded = keptUntilFailure(async (channel: Channel, subdir: Subdir) => {
    const place: (typeof asked)[number] = { channel, subdir };
    asked.push(place);
    const answer = await fetched(channel, subdir);
    place.answer = answer;
    if (answer.found) {
      compareTimes(channel, subdir, answer);
      reportV3(channel, subdir, answer.index);
    }
    return answer;
  });
  const published = async (channel: Channel, subdir: Subdir): Promise<RepodataIndex | undefined> => {
    const declared = declaredChannel(channel);
    const answer = await loaded(declared, subdir);
    if (answer.found) return answer.index;
    if (subdir !== NOARCH) await demandChannel(declared, subdir, answer);
    return undefined;
  };
  const viewed = keptUntilFailure(async (channel: Channel, subdir: Subdir) => {
    const index = await published(channel, subdir);
    return index && options.view(index);
  });
  const secondOpinion = keptUntilFailure(async (channel: Channel, subdir: Subdir) => {
    const answer = await loaded(channel, subdir);
    if (!answer.found || answer.file === 'repodata.json' || answer.file === SHARDS) return undefined;
    return fetcher.fetchJson(channel, subdir).catch(() => undefined);
  });

  return {
    published,
    viewed: (channel, subdir) => viewed(declaredChannel(channel), subdir),
    async place(channel, subdir) {
      const declared = declaredChannel(channel);
      const index = await published(declared, subdir);
      return artifactPlace({ channel: declared, subdir, baseUrl: index?.baseUrl, declared: channels });
    },
    async secondOpinion(channel, subdir, fn) {
      const declared = declaredChannel(channel);
      const [packed, json] = [await loaded(declared, subdir), await secondOpinion(declared, subdir)];
      if (!packed.found || json === undefined) return undefined;
      if (canonicalJson(packed.index.record(fn)) === canonicalJson(json.index.record(fn))) return undefined;
      report(declared, subdir, `${packed.file} and repodata.json differ about ${fn}`);
      return `The channel's ${packed.file} is out of step with its repodata.json. Run the same command again: it will read the latter.`;
    },
    findings: () => [...findings.values()],
    async read() {
      const answered = asked.flatMap(({ channel, subdir, answer }) =>
        answer === undefined ? [] : [{ channel, subdir, answer }],
      );
      return Promise.all(
        answered.map(async ({ channel, subdir, answer }) => ({
          channel,
          subdir,
          sha256: answer.found ? await answer.sha256() : null,
        })),
      );
    },
  };

  async function fetched(channel: Channel, subdir: Subdir): Promise<FetchedRepodata | MissingRepodata> {
    const answer = await opened(channel, subdir);
    if (!answer.found || answer.shards === undefined) return answer;
    return (await (reached ??= reachAll(reach!))).get(placeKey(channel, subdir)) ?? fetcher.whole(channel, subdir);
  }

  /** A place that gives no answer is left out: whoever asks for it is told. */
  async function reachAll({ names, subdirs }: Reach): ReturnType<typeof reachedIndexes> {
    const each = channels.flatMap((channel) =>
      [...new Set([...subdirs, NOARCH])].map(async (subdir) => ({
        key: placeKey(channel, subdir),
        answer: await opened(channel, subdir).catch(() => undefined),
        whole: () => fetcher.whole(channel, subdir),
      })),
    );
    return reachedIndexes(await Promise.all(each), names);
  }

  /** By URL, so that only what was declared is ever asked, with the token only where that was declared. */
  function declaredChannel({ url }: Channel): Channel {
    const declared = channels.find((each) => each.url === url);
    if (declared !== undefined) return declared;
    throw new RepackError('E_SOURCE_NOT_ALLOWED', {
      what: 'A channel was asked for that was not declared',
      where: url,
      hint: 'Declare it with --channel.',
    });
  }

  /**
   * A subdir that is not there is no error where the channel has `noarch`. Where both are missing, the channel is: or the token is
   * wrong, for many hosts answer 404 to that (bad-inputs N1). The owner's channel, open to every right token, tells them apart.
   */
  async function demandChannel(channel: Channel, subdir: Subdir, { status }: MissingRepodata): Promise<void> {
    if ((await loaded(channel, NOARCH)).found) return;
    const url = `${channel.url}/${subdir}`;
    const withToken = opensWithToken(channel, rules.token);
    if (withToken && channel.role === 'label' && (await tokenWorks(channel))) {
      throw new RepackError('E_UPSTREAM_NOT_FOUND', {
        what: `There is no label channel ${channel.name}${url.startsWith('file:') ? '' : ": the token is right, for it opens the owner's channel"}`,
        where: url,
        hint: 'Check the spelling of the label, and --label-path (label or channel).',
      });
    }
    throw refusedStatus(status, { url, channel, rules });
  }

  async function tokenWorks(besides: Channel): Promise<boolean> {
    const other = channels.find(
      (each) => each.role === 'owner' && each.url !== besides.url && opensWithToken(each, rules.token),
    );
    if (other === undefined) return false;
    return loaded(other, NOARCH).then(
      ({ found }) => found,
      () => false,
    );
  }

  /** `.zst` is believed even when older than `.json` (bad-inputs N10); that it is, is said. */
  function compareTimes(channel: Channel, subdir: Subdir, { file, behindMs = 0 }: FetchedRepodata): void {
    if (behindMs > SAME_WRITE_MS)
      report(channel, subdir, `${file} was written ${hours(behindMs)} before repodata.json`);
  }

  function reportV3(channel: Channel, subdir: Subdir, index: RepodataIndex): void {
    const count = index.v3Filenames().length;
    if (count === 0) return;
    const subject = `${channel.url}/${subdir}`;
    findings.set(`${subject} v3`, {
      code: 'v3-records',
      message: `${count} ${count === 1 ? 'package' : 'packages'} of ${subject} can not be delivered: published in the form of repodata v3 (CEP 48) only`,
      subject,
      exit: false,
    });
  }

  function report(channel: Channel, subdir: Subdir, what: string): void {
    const subject = `${channel.url}/${subdir}`;
    const finding: Finding = {
      code: 'zst-older-than-json',
      message: `The indexes of ${subject} are out of step: ${what}`,
      subject,
      exit: false,
    };
    findings.set(subject, finding);
  }
}

/**
 * One run of `load` for each channel and subdir, also for callers at the same time. A failure is not kept, unless it is of the content: an
 * engine asks for each form of an index, and would have a bomb unpacked each time.
 */
function keptUntilFailure<T>(
  load: (channel: Channel, subdir: Subdir) => Promise<T>,
): (channel: Channel, subdir: Subdir) => Promise<T> {
  const kept = new Map<string, Promise<T>>();
  return (channel, subdir) => {
    const key = placeKey(channel, subdir);
    const before = kept.get(key);
    if (before !== undefined) return before;
    const fresh = load(channel, subdir);
    kept.set(key, fresh);
    fresh.catch((error: unknown) => {
      if (!isRepackError(error) || error.code !== 'E_REPODATA') kept.delete(key);
    });
    return fresh;
  };
}

function placeKey(channel: Channel, subdir: Subdir): string {
  return `${channel.url}/${subdir}`;
}

function hours(ms: number): string {
  return `${Math.round(ms / 3_600_000)} h`;
}
