import { describe, expect, it } from 'vitest';
import { DEFAULT_LIMITS } from '../../../src/gateway/limits.js';
import { backoffMs, failureCode, isRetriable, retryAfterMs, TransferFailure } from '../../../src/gateway/retry.js';
import { rateGuard } from '../../../src/gateway/transfer.js';
import { RepackError } from '../../../src/base/errors.js';
import { fakeClock } from '../../helpers/runtime.js';

const coded = (code: string, cause?: unknown): Error => Object.assign(new Error(code, { cause }), { code });

describe('isRetriable', () => {
  it.each([
    'ECONNRESET',
    'ECONNREFUSED',
    'EAI_AGAIN',
    'UND_ERR_SOCKET',
    'UND_ERR_BODY_TIMEOUT',
    'HTTP_429',
    'HTTP_503',
    'HPE_INVALID_CONSTANT',
    'SHORT',
    'PROXY_502',
  ])('yes: %s', (code) => {
    expect(isRetriable(coded(code))).toBe(true);
  });
  it.each([
    'ENOTFOUND',
    'CERT_HAS_EXPIRED',
    'DEPTH_ZERO_SELF_SIGNED_CERT',
    'HTTP_501',
    'HTTP_404',
    'PROXY_407',
    'WRONG_SIZE',
    'UND_ERR_INVALID_ARG',
  ])('no: %s', (code) => {
    expect(isRetriable(coded(code))).toBe(false);
  });
  it('no: what is explained already, and what has no code', () => {
    expect(isRetriable(new RepackError('E_REDIRECT', { what: 'x', cause: coded('ECONNRESET') }))).toBe(false);
    expect(isRetriable(new Error('x'))).toBe(false);
    expect(isRetriable('x')).toBe(false);
  });
  it('the innermost cause decides; of several addresses, the first', () => {
    expect(failureCode(coded('UND_ERR_PRX_TLS', coded('ERR_TLS_CERT_ALTNAME_INVALID')))).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
    expect(failureCode(new AggregateError([coded('ECONNREFUSED'), coded('ENETUNREACH')]))).toBe('ECONNREFUSED');
  });
});

describe('N2 Retry-After', () => {
  const now = Date.UTC(2026, 0, 2, 3, 4, 5);
  it.each([
    ['120', 120_000],
    ['0', 0],
    [' 7 ', 7000],
    ['Fri, 02 Jan 2026 03:04:15 GMT', 10_000],
    ['Fri, 02 Jan 2026 03:04:00 GMT', 0],
    ['1000000000', 1e12],
    ['-5', undefined],
    ['1.5', undefined],
    ['soon', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('N2 %j', (value, ms) => expect(retryAfterMs(value, now)).toBe(ms));
});

it('N2 backoff doubles up to its limit, with jitter in its upper half', () => {
  expect([1, 2, 3, 7, 50].map((failed) => backoffMs(failed, DEFAULT_LIMITS, () => 1))).toEqual([
    500, 1000, 2000, 20_000, 20_000,
  ]);
  expect(backoffMs(2, DEFAULT_LIMITS, () => 0)).toBe(500);
});

describe('N6 the rate', () => {
  it('N6 counts the time spent waiting for the server, not for the disk', () => {
    const clock = fakeClock();
    const guard = rateGuard(clock, { ...DEFAULT_LIMITS, rateWindowMs: 1000, minimumBytesPerSecond: 100 });
    guard.received(10);
    clock.advance(60_000); // the sink is slow
    guard.resume();
    clock.advance(900);
    guard.received(10);
    guard.resume();
    clock.advance(200);
    expect(() => guard.received(10)).toThrow(TransferFailure);
  });
  it('N6 begins anew with each window', () => {
    const clock = fakeClock();
    const guard = rateGuard(clock, { ...DEFAULT_LIMITS, rateWindowMs: 1000, minimumBytesPerSecond: 100 });
    for (let window = 0; window < 5; window += 1) {
      clock.advance(1000);
      guard.received(200);
      guard.resume();
    }
    clock.advance(1000);
    expect(() => guard.received(99)).toThrow(/99 bytes a second/);
  });
});
