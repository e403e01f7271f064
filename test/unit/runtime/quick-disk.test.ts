import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openQuickly, quickDisk } from '../../../src/runtime/quick-disk.js';
import { tempDir } from '../../helpers/artifacts.js';

it('a file that is closed twice takes no other one’s number with it, and is not read any more', async () => {
  const dir = tempDir();
  for (const name of ['a', 'b']) writeFileSync(join(dir, name), name);
  const first = await openQuickly(join(dir, 'a'), 'r');
  await first.close();
  const second = await openQuickly(join(dir, 'b'), 'r');
  await first.close();
  expect(String(await second.readFile())).toBe('b');
  await expect(first.stat()).rejects.toThrow();
  await expect(first.read(Buffer.alloc(1), 0, 1, 0)).rejects.toThrow();
  await second.close();
});

it('a file is closed when what is under way has ended', async () => {
  const path = join(tempDir(), 'a');
  writeFileSync(path, Buffer.alloc(1 << 20, 'a'));
  const file = await openQuickly(path, 'r');
  const buffer = Buffer.alloc(1 << 20);
  const [{ bytesRead }] = await Promise.all([file.read(buffer, 0, buffer.length, 0), file.close()]);
  expect(bytesRead).toBe(buffer.length);
});

it('thousands of calls leave timers their turn, and fail as they do in the pool', async () => {
  const dir = tempDir();
  let turns = 0;
  const timer = setInterval(() => (turns += 1), 5);
  const until = performance.now() + 200;
  while (performance.now() < until) await quickDisk.lstat(dir);
  clearInterval(timer);
  expect(turns).toBeGreaterThan(2);
  await expect(quickDisk.lstat(join(dir, 'none'))).rejects.toMatchObject({ code: 'ENOENT', syscall: 'lstat' });
});
