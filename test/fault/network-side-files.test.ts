import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digest } from '../../scripts/lib/conda-package.js';
import { collectAttestations, type AttestedArtifact } from '../../src/jobs/collect-attestations.js';
import { answer, cutAfter, file, redirect, resetBeforeHeaders, untilClose } from '../helpers/chaos-server.js';
import { startChaosUpstream, type ChaosUpstream } from '../helpers/chaos-upstream.js';
import { allTextOf, CHAOS_TOKEN_WIRE, failureOf, type TestGateway } from '../helpers/gateway.js';
import { attestation } from '../unit/site/sample-attestation.js';

let upstream: ChaosUpstream;
let gateway: TestGateway;
beforeEach(async () => {
  upstream = await startChaosUpstream();
  gateway = await upstream.open();
});
afterEach(() => upstream.close());

const NAME = 'pytho-1.9-0.conda.v0.sigs';
const fetchIt = (maxBytes = 1000): Promise<Uint8Array | undefined> =>
  gateway.fetchSideFile(upstream.channel, upstream.package.subdir, NAME, { maxBytes });
const script = (...steps: Parameters<ChaosUpstream['scriptArtifact']>): void =>
  upstream.server.script(`${upstream.paths.subdir}/${NAME}`, ...steps);

describe('a side file of a channel', () => {
  it('arrives whole, also after a broken line', async () => {
    const body = Buffer.from('[]'.padEnd(600));
    script(resetBeforeHeaders(), cutAfter(100, body), answer(503), file(body));
    expect(Buffer.from((await fetchIt())!).equals(body)).toBe(true);
  });

  it.each([404, 403, 410])('is not there where the server answers %i', async (status) => {
    script(answer(status));
    expect(await fetchIt()).toBeUndefined();
  });

  it('N1 401 is a refusal, without the token in it', async () => {
    script(answer(401));
    const error = await failureOf(fetchIt());
    expect(error.code).toBe('E_TOKEN_REFUSED');
    expect(allTextOf(error)).not.toContain(CHAOS_TOKEN_WIRE);
  });

  it('N9 larger than wanted is refused, stated or not', async () => {
    const body = Buffer.alloc(5000, 0x20);
    script(file(body));
    expect((await failureOf(fetchIt())).code).toBe('E_REPODATA');
    script(untilClose(body));
    expect((await failureOf(fetchIt())).code).toBe('E_REPODATA');
  });

  it('N7 a redirect to plain http is refused', async () => {
    script(redirect('http://example.org/x'));
    expect((await failureOf(fetchIt())).code).toBe('E_REDIRECT');
  });
});

describe('attestations of the artifacts', () => {
  function artifact(more: Record<string, unknown> = {}): AttestedArtifact & { record: { [key: string]: unknown } } {
    const { record, subdir, distFilename: fn } = upstream.package;
    return {
      fn,
      subdir,
      channel: upstream.channel,
      sha256: record['sha256'] as string,
      record: { ...record, ...more } as never,
    };
  }
  const collect = (one: AttestedArtifact): ReturnType<typeof collectAttestations> =>
    collectAttestations(gateway.rt, { artifacts: [one], gateway, store: gateway.store });
  const bundles = (): string => {
    const { fn, sha256 } = artifact();
    return JSON.stringify([attestation({ fn, sha256 })]);
  };

  it('are carried byte for byte beside the artifact', async () => {
    const one = artifact();
    upstream.server.script(`${upstream.paths.artifact}.v0.sigs`, file(bundles()));
    const { side, findings } = await collect(one);
    expect(findings).toEqual([]);
    expect(side.map(({ path }) => path)).toEqual([`${one.subdir}/${one.fn}.v0.sigs`]);
    expect(readFileSync(side[0]!.storePath, 'utf8')).toBe(bundles());
    expect(side[0]).toMatchObject({
      size: bundles().length,
      sha256: digest('sha256', bundles()),
      md5: digest('md5', bundles()),
    });
  });

  it('that a record states by their digest are carried under both names', async () => {
    const sha = digest('sha256', bundles());
    const one = artifact({ attestations_sha256: sha });
    upstream.server.script(`${upstream.paths.artifact}.sigs.${sha}`, file(bundles()));
    const { side, findings } = await collect(one);
    expect(findings).toEqual([]);
    expect(side.map(({ path }) => path)).toEqual([
      `${one.subdir}/${one.fn}.sigs`,
      `${one.subdir}/${one.fn}.sigs.${sha}`,
    ]);
  });

  it('with other bytes than the record states, or gone, are told and left', async () => {
    const sha = digest('sha256', 'others');
    const one = artifact({ attestations_sha256: sha });
    upstream.server.script(`${upstream.paths.artifact}.sigs.${sha}`, file(bundles()), answer(404));
    expect(await collect(one)).toMatchObject({ side: [], findings: [{ code: 'attestation-malformed', exit: false }] });
    expect(await collect(one)).toMatchObject({ side: [], findings: [{ code: 'attestation-missing', exit: false }] });
    const odd = await collect(artifact({ attestations_sha256: '../../x' }));
    expect(odd).toMatchObject({ side: [], findings: [{ code: 'attestation-malformed' }] });
  });

  it('of an artifact that no channel has are not asked for', async () => {
    const requests = upstream.server.requests.length;
    expect(await collect({ ...artifact(), channel: undefined })).toEqual({ side: [], findings: [] });
    expect(upstream.server.requests.length).toBe(requests);
  });
});
