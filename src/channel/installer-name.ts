/**
 * The subdir that an installer's name tells (`Miniforge3-Linux-x86_64.sh`, `Miniconda3-py39_4.12.0-Windows-x86_64.exe`,
 * `micromamba-osx-arm64`); undefined where it tells nothing: it is for every platform.
 */
export function installerPlatform(name: string): string | undefined {
  const plain = /(?:^|-)((?:linux|osx|win)-(?:64|32|aarch64|arm64|ppc64le|s390x))(?:[.-]|$)/.exec(name)?.[1];
  if (plain !== undefined) return plain;
  const [, system, machine] = /-(Linux|Windows|MacOSX)-([A-Za-z0-9_]+)\.[a-z]+$/.exec(name) ?? [];
  if (system === undefined || machine === undefined) return undefined;
  const os = { Linux: 'linux', Windows: 'win', MacOSX: 'osx' }[system];
  const cpu = { x86_64: '64', x86: '32' }[machine] ?? machine;
  return `${os}-${cpu}`;
}
