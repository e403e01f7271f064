import { expect, it } from 'vitest';
import { overlay } from '../../../../src/delivery/generations/generation-folder.js';
import { nodeFileSystem, type FileSystem } from '../../../../src/runtime/fs.js';

/** `here`: asked of a generation that lies nowhere, it must know it. A call that is new has to be decided. */
const WHERE: Record<keyof FileSystem, 'here' | 'disk'> = {
  readFile: 'here',
  readText: 'here',
  lstat: 'here',
  lstatExact: 'here',
  stat: 'here',
  realpath: 'here',
  readdir: 'here',
  openNoFollow: 'here',
  // It waits for nothing, and is asked of disks of this machine alone: `statfs` says that there is none.
  lstatNow: 'disk',
  statfs: 'disk',
  // Of a mirror, which keeps no generations.
  marks: 'disk',
  // What writes, or opens what was written.
  open: 'disk',
  writeFile: 'disk',
  writeNew: 'disk',
  writeWhole: 'disk',
  writeAll: 'disk',
  mkdirp: 'disk',
  mkdir: 'disk',
  rename: 'disk',
  unlink: 'disk',
  rmdir: 'disk',
  remove: 'disk',
  link: 'disk',
  copyNew: 'disk',
  cloneNew: 'disk',
  chmod: 'disk',
  utimes: 'disk',
  access: 'disk',
  syncFile: 'disk',
  syncDir: 'disk',
  settle: 'disk',
};

it('of a generation that was kept every call knows that reads', () => {
  const disk = nodeFileSystem();
  const laid = overlay(disk, { dir: '/srv/acme@1', stateDir: '/srv/.repackenv/acme', files: new Map() });
  const names = Object.keys(disk) as (keyof FileSystem)[];
  expect(Object.fromEntries(names.map((name) => [name, laid[name] === disk[name] ? 'disk' : 'here']))).toEqual(WHERE);
});
