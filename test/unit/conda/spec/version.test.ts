import { describe, expect, it } from 'vitest';
import fixture from '../../../fixtures/versions.json' with { type: 'json' };
import { compareVersions, parseVersion } from '../../../../src/conda/spec/version.js';

describe('compareVersions', () => {
  it.each(['conda43', 'py-rattler'] as const)('orders every pair of versions as %s does', (oracle) => {
    const wrong: string[] = [];
    let asked = 0;
    fixture.versions.forEach((a, i) => {
      fixture.versions.forEach((b, j) => {
        const expected = fixture.order[oracle][i]![j];
        if (expected === '?') return;
        asked++;
        const actual = '<=>'[compareVersions(a, b) + 1];
        if (actual !== expected) wrong.push(`${a} ${actual} ${b}, ${oracle} says ${expected}`);
      });
    });
    expect(wrong).toEqual([]);
    expect(asked).toBeGreaterThan(10_000);
  });

  it('takes for no version what neither program takes for one', () => {
    const refused = fixture.versions.filter((version) => parseVersion(version) === undefined);
    expect(refused).toEqual(['1__2', '1..2', '1!1!1', '1+1+1', 'a!1', '1,0', '1.0-1_2', '']);
    for (const version of refused) {
      const at = fixture.versions.indexOf(version);
      expect(fixture.order.conda43[at]).toMatch(/^\?+$/);
      expect(fixture.order['py-rattler'][at]).toMatch(/^\?+$/);
    }
  });

  // Both conda 26.7.1 and py-rattler 0.28 refuse these, but for the last, which conda takes.
  it.each(['1.', '1+', '+1', '1.0+1..2', '1.0+a+b', '1-1_2', '__', '_'])('%j is no version', (text) => {
    expect(parseVersion(text)).toBeUndefined();
  });

  // In the order of both.
  it.each([
    [['1.dev1', '1__', '1._', '1.a', '1', '1.0', '1.post1']],
    [['9!1', '10!1', '10!1.0_1', '11!0.1']],
    [['1.0-1', '1.0_1', '1.0-1-2']],
    [['1+a', '1+b', '1+1', '1+1.2', '1.1+0']],
  ])('%j is in order', (texts) => {
    for (const text of texts) expect(parseVersion(text)).toBeDefined();
    for (const [at, text] of texts.slice(1).entries()) expect(compareVersions(texts[at]!, text)).toBeLessThanOrEqual(0);
    expect(compareVersions(texts.at(-1)!, texts[0]!)).toBe(1);
  });

  it('sorts what is no version before every version and never throws', () => {
    expect(['1.0', '1..2', '0.1', '', 'a b'].sort(compareVersions)).toEqual(['', '1..2', 'a b', '0.1', '1.0']);
  });

  it('compares numbers of any length exactly', () => {
    expect(compareVersions('1.20230101123456789012', '1.20230101123456789013')).toBe(-1);
    expect(compareVersions('1.20230101123456789012', '1.020230101123456789012')).toBe(0);
    expect(compareVersions('1.999999999999999', '1.20230101123456789012')).toBe(-1);
  });

  it('keeps the openssl way of a trailing underscore', () => {
    expect(['1.0.1a', '1.0.1', '1.0.1_'].sort(compareVersions)).toEqual(['1.0.1_', '1.0.1a', '1.0.1']);
  });
});
