import { expect, it } from 'vitest';
import { installerPlatform } from '../../../src/channel/installer-name.js';

it.each([
  ['Miniforge3-Linux-x86_64.sh', 'linux-64'],
  ['Miniforge3-26.1.1-0-Linux-aarch64.sh', 'linux-aarch64'],
  ['Miniforge3-MacOSX-arm64.sh', 'osx-arm64'],
  ['Miniconda3-py39_4.12.0-Windows-x86_64.exe', 'win-64'],
  ['micromamba-linux-64', 'linux-64'],
  ['micromamba-win-64.exe', 'win-64'],
  ['micromamba-osx-arm64', 'osx-arm64'],
  ['micromamba', undefined],
  ['setup.exe', undefined],
])('of the name %s the platform is %s', (name, platform) => expect(installerPlatform(name)).toBe(platform));
