import { describe, expect, it } from 'vitest';
import { tarOf } from '../../../scripts/lib/sample-upstream.js';
import { readTarMembers } from '../../../src/archive/tar-members.js';

const WANTED = 'info/index.json';
const options = { wanted: new Set([WANTED]), maxMemberBytes: 1000, whole: false };

/** A tar in pieces of 512 bytes: pulling one is unpacking one, which is what costs. */
async function pieces(names: readonly string[]) {
  const tar = await tarOf(names.map((name) => ({ name, content: name })));
  const state = { pulled: 0, closed: false, total: tar.length / 512 };
  async function* stream() {
    try {
      for (let at = 0; at < tar.length; at += 512) {
        state.pulled++;
        yield tar.subarray(at, at + 512);
      }
    } finally {
      state.closed = true;
    }
  }
  return { stream: stream(), state };
}

describe('readTarMembers', () => {
  const others = Array.from({ length: 40 }, (_, i) => `lib/file${i}`);

  it('pulls no piece more than it needs, and closes its source', async () => {
    const { stream, state } = await pieces(['lib/first', WANTED, ...others]);
    const found = await readTarMembers(stream, options);
    expect(new TextDecoder().decode(found.get(WANTED))).toBe(WANTED);
    // Header and content of two members.
    expect(state).toMatchObject({ pulled: 4, closed: true });
  });

  it('takes a wanted file that spans pieces, behind small ones that are passed over', async () => {
    const content = 'x'.repeat(200_000);
    const small = ['info/about.json', 'info/has_prefix', 'info/git'].map((name) => ({ name, content: 'small' }));
    const tar = await tarOf([...small, { name: WANTED, content }, { name: 'lib/last', content: 'y' }]);
    async function* inTwo() {
      yield tar.subarray(0, 131_072);
      yield tar.subarray(131_072);
    }
    const found = await readTarMembers(inTwo(), { ...options, maxMemberBytes: 1e6 });
    expect(new TextDecoder().decode(found.get(WANTED))).toBe(content);
  });

  it('pulls every piece when it is to read the whole', async () => {
    const { stream, state } = await pieces([WANTED, ...others]);
    expect((await readTarMembers(stream, { ...options, whole: true })).size).toBe(1);
    expect(state).toMatchObject({ pulled: state.total, closed: true });
  });

  it('closes its source when a member is refused', async () => {
    const { stream, state } = await pieces([WANTED, ...others]);
    await expect(readTarMembers(stream, { ...options, maxMemberBytes: 3 })).rejects.toThrow('more than the 3 that');
    expect(state.closed).toBe(true);
    expect(state.pulled).toBeLessThan(state.total);
  });
});
