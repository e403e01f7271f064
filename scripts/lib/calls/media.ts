import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { named, type Call, type Place } from './place.js';

/** Out on media: whole, in parts, packed, for each platform, only what changed. */
export function exports({ at }: Place): Call[] {
  const first = at('kept', 'g1', 'halkbank');
  const now = at('root', 'halkbank');
  const signed = at('roots', 'signed', 'halkbank');
  const put = (name: string, command: 'export' | 'delta', dir: string, ...options: string[]): Call => ({
    name,
    args: [command, dir, ...options],
  });

  return [
    put('export', 'export', first, '--to', at('usb')),
    put('export-again', 'export', first, '--to', at('usb'), '--json'),
    {
      ...put('export-mends', 'export', first, '--to', at('usb')),
      before: () => damage(at('usb'), /\.tar$/),
    },
    put('export-parts', 'export', now, '--to', at('parts'), '--part-size', '30kB'),
    put('export-zstd-json', 'export', now, '--to', at('packed'), '--zstd', '--json'),
    put('export-per-platform', 'export', now, '--to', at('platforms'), '--per-platform', '--part-size', 'fat32'),
    put('export-subdir', 'export', now, '--to', at('windows'), '--subdir', 'win-64', '--site-files', 'off'),
    put('export-no-such-subdir', 'export', now, '--to', at('none'), '--subdir', 'osx-64'),
    put('export-too-small', 'export', now, '--to', at('none'), '--part-size', '1'),
    put('export-not-a-size', 'export', now, '--to', at('none'), '--part-size', 'big'),
    put('export-no-folder', 'export', at('nothing'), '--to', at('none')),
    put('export-foreign', 'export', at('upstream', 'gen1', 'prometeia'), '--to', at('none'), '--json'),
    put('export-into-itself', 'export', now, '--to', join(now, 'usb')),
    put('export-signed', 'export', signed, '--to', at('usb-signed')),
    put(
      'export-sign',
      'export',
      at('roots', 'named', 'halkbank'),
      '--to',
      at('usb-named'),
      '--sign-key',
      at('keys', 'release'),
    ),
    put('delta', 'delta', now, '--since', join(first, 'manifest.json'), '--to', at('delta')),
    put('delta-json', 'delta', now, '--since', join(first, 'manifest.json'), '--to', at('delta-2'), '--zstd', '--json'),
    put('delta-nothing', 'delta', now, '--since', join(now, 'manifest.json'), '--to', at('none')),
    put('delta-other-label', 'delta', now, '--since', at('captured', 'frozen', 'manifest.json'), '--to', at('none')),
    put('delta-no-since', 'delta', now, '--to', at('none')),
  ];
}

/** What a site does with them. */
export function imports({ at, copy, keys, write }: Place): Call[] {
  const now = at('root', 'halkbank');
  const signed = at('roots', 'signed', 'halkbank');
  const take = (name: string, medium: readonly string[], ...options: string[]): Call => ({
    name,
    args: ['import', ...medium.map((each) => at(each)), ...options],
  });
  const site = ['--root', at('site')];
  const receipt = at('receipt.json');
  const signers = (key: string): string => `release@vendor.example namespaces="repackenv-*" ${key}\n`;

  return [
    take('import-dry-run', ['usb'], ...site, '--dry-run'),
    take('import', ['usb'], ...site, '--receipt', receipt),
    take('import-again', ['usb'], ...site, '--json'),
    take('import-quiet', ['usb'], ...site, '--quiet'),
    { name: 'export-since-receipt', args: ['export', now, '--since', receipt, '--to', at('delta-3')] },
    take('import-delta-elsewhere', ['delta'], '--root', at('site-2')),
    take('import-delta-dry-run', ['delta'], ...site, '--dry-run', '--json'),
    take('import-delta', ['delta'], ...site, '--json'),
    take('import-delta-again', ['delta'], ...site),
    take('import-older', ['usb'], ...site),
    take('import-older-json', ['usb'], ...site, '--json'),
    take('import-rollback', ['usb'], ...site, '--allow-rollback', '--json'),
    take('import-packed', ['packed'], '--root', at('site-3'), '--site-files', 'off'),
    take('import-platforms', ['platforms'], '--root', at('site-4')),
    take(
      'import-platforms-named',
      [join('platforms', named(at('platforms'), /win-64\.set\.json$/))],
      '--root',
      at('site-4'),
    ),
    take('import-parts', ['parts'], '--root', at('site-5'), '--json'),
    {
      ...take('import-part-missing', ['parts'], '--root', at('site-6')),
      before: () => rmSync(join(at('parts'), named(at('parts'), /part002\.tar$/))),
    },
    {
      ...take('import-damaged', ['usb'], '--root', at('site-6')),
      before: () => damage(at('usb'), /\.tar$/),
    },
    take('import-damaged-json', ['usb'], '--root', at('site-6'), '--json'),
    take('import-nothing', ['keys'], '--root', at('site-6')),
    take('import-no-medium', ['nowhere'], '--root', at('site-6')),
    take('import-require-signature', ['usb-signed'], '--root', at('site-7'), '--require-signature'),
    {
      ...take('import-signed', ['usb-signed'], '--root', at('site-7'), '--allowed-signers', at('signers')),
      before: () => {
        write('signers', signers(keys.release));
        write('other-signers', signers(keys.other));
      },
    },
    take('import-other-signer', ['usb-signed'], '--root', at('site-8'), '--allowed-signers', at('other-signers')),
    take('import-unsigned', ['delta-3'], ...site, '--allowed-signers', at('signers'), '--json'),
    take('import-sig-unchecked', ['usb-signed'], '--root', at('site-8'), '--receipt', at('site-8-receipt.json')),
    {
      ...take('import-not-ours', ['usb-named'], '--root', at('site-9')),
      before: () => copy('upstream/gen2/prometeia', 'site-9/halkbank'),
    },
    take('import-adopt', ['usb-named'], '--root', at('site-9'), '--adopt', '--allowed-signers', at('signers')),
    { name: 'verify-signed', args: ['verify', signed, '--allowed-signers', at('signers')] },
    { name: 'verify-signed-json', args: ['verify', signed, '--allowed-signers', at('signers'), '--json'] },
    { name: 'verify-other-signer', args: ['verify', signed, '--allowed-signers', at('other-signers')] },
    { name: 'verify-unsigned', args: ['verify', now, '--allowed-signers', at('signers')] },
    { name: 'verify-well-formed', args: ['verify', signed] },
  ];
}

/** Turns one byte in the middle of the first file of this name. */
function damage(dir: string, name: RegExp): void {
  const path = join(dir, named(dir, name));
  const bytes = readFileSync(path);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = bytes[at]! ^ 0xff;
  writeFileSync(path, bytes);
}
