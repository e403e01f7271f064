import { describe, expect, it } from 'vitest';
import { isRepackError } from '../../../../src/base/errors.js';
import {
  caseFoldClash,
  isPackageName,
  isVirtualPackageName,
  parseDistFilename,
  parseLabel,
  parseSubdir,
  safeSegment,
} from '../../../../src/conda/channel/names.js';

function refusal(run: () => unknown): { code: string; text: string } {
  try {
    run();
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return { code: error.code, text: `${error.what}\n${error.where}\n${error.hint}` };
  }
  throw new Error('was not refused');
}

describe('parseLabel', () => {
  it.each(['halkbank', 'Acme', 'a', 'acme-bank', 'bank_2.0', 'x'.repeat(128), 'console', 'com10', 'linux-64x'])(
    'takes %j',
    (label) => {
      expect(parseLabel(label)).toBe(label);
    },
  );

  it.each([
    ['A1', '..', '".."'],
    ['A1', '.', '"."'],
    ['A1', '../x', '".."'],
    ['A1', 'a/../../b', '".."'],
    ['A1', 'a\\..\\b', '".."'],
    ['A2', '/etc', 'empty'],
    ['A2', 'C:\\x', '":"'],
    ['A2', 'C:x', '":"'],
    ['A2', '\\\\server\\share', 'empty'],
    ['A2', 'file:x', '":"'],
    ['A3', 'con', '"con"'],
    ['A3', 'NUL.txt', '"NUL"'],
    ['A3', 'com1', '"com1"'],
    ['A3', 'LPT9', '"LPT9"'],
    ['A3', 'aux.prod', '"aux"'],
    ['A4', 'acme.', 'ends with a dot'],
    ['A4', 'acme ', '" " at position 5'],
    ['A4', ' acme', '" " at position 1'],
    ['A4', 'acme...', 'ends with a dot'],
    ['A5', '', 'empty'],
    ['A5', 'x'.repeat(129), '129 characters, the limit is 128'],
    ['A5', 'a\nb', '"\\n"'],
    ['A5', 'a\0b', '"\\u0000"'],
    ['A5', 'a\u007fb', '"\\u007f"'],
    ['A5', 'a\u202eb', '"\\u202e"'],
    ['A5', 'a*', '"*"'],
    ['A5', 'a?', '"?"'],
    ['A5', 'a<b', '"<"'],
    ['A5', 'a>b', '">"'],
    ['A5', 'a|b', '"|"'],
    ['A5', 'a"b', '"\\""'],
    ['A7', 'caf\u00e9', '"\u00e9"'],
    ['A7', 'cafe\u0301', '"\u0301"'],
    ['A7', 'stra\u00dfe', '"\u00df"'],
    ['A8', 'team/app', '"/"'],
    ['A8', 'x/linux-64', '"linux-64"'],
    ['A8', 'linux-64', '"linux-64"'],
    ['A8', 'Win-64', '"Win-64"'],
    ['A8', 'noarch', '"noarch"'],
    ['A9', '-x', 'begins with "-"'],
    ['A9', '--help', 'begins with "-"'],
    ['D11', '.repackenv', 'begins with "."'],
    ['D11', '1bank', 'begins with "1"'],
    ['D11', '_bank', 'begins with "_"'],
    ['D11', 'a+b', '"+"'],
    ['D11', 'nolabel', 'reserves'],
  ])('%s refuses %j and shows what is wrong', (_row, label, shows) => {
    const { code, text } = refusal(() => parseLabel(label));
    expect(code).toBe('E_LABEL');
    expect(text).toContain(shows);
    expect(text).toContain('^[a-zA-Z][0-9a-zA-Z_.-]*$');
    expect(
      [...text.replaceAll('\n', '')].filter((char) => char < ' ' || char === '\u007f' || char === '\u202e'),
    ).toEqual([]);
  });
});

/** `KNOWN_SUBDIRS` of conda/base/constants.py; CEP 26 leaves them undefined as labels. */
const SUBDIRS_OF_CONDA =
  'noarch emscripten-wasm32 wasi-wasm32 freebsd-64 linux-32 linux-64 linux-aarch64 linux-armv6l linux-armv7l linux-ppc64 ' +
  'linux-ppc64le linux-riscv64 linux-s390x osx-64 osx-arm64 win-32 win-64 win-arm64 zos-z';

describe('a label and the subdirs', () => {
  it.each(SUBDIRS_OF_CONDA.split(' '))('%s is a subdir and no label', (subdir) => {
    expect(parseSubdir(subdir)).toBe(subdir);
    expect(refusal(() => parseLabel(subdir)).text).toContain(
      `label "${subdir}" can't be used: "${subdir}" is the name`,
    );
  });

  it.each([
    ['', 'used: it is empty\n'],
    ['.', 'used: "." means another folder\n'],
    ['..', 'used: ".." means another folder\n'],
    ['...', 'used: it begins with "."\n'],
    ['a/../b', 'used: its part "..": ".." means another folder\n'],
    ['a/b', 'used: it has a "/" or "\\"'],
  ])('%j: tells what to mend, and of a path in which part', (label, shows) => {
    expect(refusal(() => parseLabel(label)).text).toContain(shows);
  });
});

describe('parseSubdir', () => {
  it.each(['noarch', 'linux-64', 'win-arm64', 'emscripten-wasm32', 'newos-128', `${'a'.repeat(29)}-64`])(
    'takes %s',
    (subdir) => {
      expect(parseSubdir(subdir)).toBe(subdir);
    },
  );

  it.each([
    '',
    'Linux-64',
    'linux_64',
    'linux-64/',
    '../x',
    'linux-64-gnu',
    'linux',
    '..',
    'linux-64\n',
    '-64',
    'linux-',
    ' linux-64',
    `${'a'.repeat(30)}-64`,
  ])('B11 refuses %j', (subdir) => {
    const { code, text } = refusal(() => parseSubdir(subdir));
    expect(code).toBe('E_SUBDIR');
    expect(text).toContain('^[a-z0-9]+-[a-z0-9]+$');
  });
});

describe('parseDistFilename', () => {
  it.each([
    [
      'numpy-1.26.4-py39h1234_0.conda',
      { name: 'numpy', version: '1.26.4', build: 'py39h1234_0', format: 'conda', stem: 'numpy-1.26.4-py39h1234_0' },
    ],
    [
      'r-a-b-1!2.0+l-r351_0.tar.bz2',
      { name: 'r-a-b', version: '1!2.0+l', build: 'r351_0', format: 'tar.bz2', stem: 'r-a-b-1!2.0+l-r351_0' },
    ],
    [
      '_libgcc_mutex-0.1-main.conda',
      { name: '_libgcc_mutex', version: '0.1', build: 'main', format: 'conda', stem: '_libgcc_mutex-0.1-main' },
    ],
  ])('takes %s apart', (fn, parts) => {
    expect(parseDistFilename(fn)).toEqual(parts);
  });

  it('C13 takes 64 characters each for name, version and build, and names the limit of 211 above that', () => {
    const parts = `${'n'.repeat(64)}-${'1'.repeat(64)}-${'b'.repeat(64)}`;
    expect(parseDistFilename(`${parts}.tar.bz2`).name).toHaveLength(64);
    const longest = `${'n'.repeat(211 - 10)}-1-0.conda`;
    expect(longest).toHaveLength(211);
    expect(parseDistFilename(longest).build).toBe('0');
    const { code, text } = refusal(() => parseDistFilename(`n${longest}`));
    expect(code).toBe('E_RECORD');
    expect(text).toContain('212 characters, the limit is 211');
  });

  it.each([
    '../numpy-1.0-0.conda',
    'a/b-1.0-0.conda',
    'a\\b-1.0-0.conda',
    'C:b-1.0-0.conda',
    'numpy-1.0-0\0.conda',
    '..-1.0-0.conda',
    '-numpy-1.0-0.conda',
    'nul.x-1.0-0.conda',
    'numpy-1.0.conda',
    'numpy.conda',
    'numpy-1.0-0.zip',
    'numpy-1.0-0.conda.partial',
    'numpy--0.conda',
    'numpy-1.0-.conda',
    '+numpy-1.0-0.conda',
    'numpy-1.0-0!1.conda',
    '.conda',
    '',
    'n\u00fcmpy-1.0-0.conda',
    'numpy-1.0-0.CONDA',
  ])('B8 refuses %j', (fn) => {
    expect(refusal(() => parseDistFilename(fn)).code).toBe('E_RECORD');
  });
});

describe('safeSegment', () => {
  it.each(['linux-64', 'numpy-1!2.0+x-0.conda', '_x', 'A.b', 'x.con', 'x'.repeat(255)])('takes %s', (name) => {
    expect(safeSegment(name, 'member')).toBe(name);
  });

  it.each(['', '.', '..', 'a/b', 'a\\b', 'a:b', 'a b', 'x.', '-x', '.x', 'prn', 'com1.txt', 'a\tb', 'x'.repeat(256)])(
    'B8 refuses %j',
    (name) => {
      const { code, text } = refusal(() => safeSegment(name, 'member'));
      expect(code).toBe('E_NAME');
      expect(text).toContain('member ');
    },
  );
});

describe('caseFoldClash', () => {
  it.each([
    ['A6', ['acme', 'other', 'Acme'], ['acme', 'Acme']],
    ['H12', ['numpy-1.0-A.conda', 'numpy-1.0-a.conda'], ['numpy-1.0-A.conda', 'numpy-1.0-a.conda']],
    ['A7', ['caf\u00e9', 'cafe\u0301'], ['caf\u00e9', 'cafe\u0301']],
    ['A7', ['stra\u00dfe', 'STRASSE'], ['stra\u00dfe', 'STRASSE']],
  ])('%s finds the clash in %j', (_row, names, clash) => {
    expect(caseFoldClash(names)).toEqual(clash);
  });

  it('A6 takes the same name twice for one', () => {
    expect(caseFoldClash(['acme', 'bank', 'acme'])).toBeUndefined();
  });
});

describe('package names (CEP 26)', () => {
  it.each(['numpy', '_libgcc_mutex', 'r-base', 'zope.interface', 'a', '7zip', 'PyYAML', 'x-', 'a'.repeat(64)])(
    'takes %s',
    (name) => {
      expect(isPackageName(name)).toBe(true);
    },
  );

  it.each(['', '__glibc', 'a--b', 'a b', '-a', '.a', 'a*', 'a/b', 'a'.repeat(65), 'a..b', 'n\u00fcmpy', 'a\n'])(
    'refuses %j',
    (name) => {
      expect(isPackageName(name)).toBe(false);
    },
  );

  // CEP 26: ^__[a-z0-9][._-]?([a-z0-9]+(\.|-|_|$))*$
  it.each(['__glibc', '__unix', '__cuda', '__a', '__a.b', '__a-b_c.d', '__win-', `__${'a'.repeat(62)}`])(
    'takes %s for a virtual package',
    (name) => {
      expect(isVirtualPackageName(name)).toBe(true);
    },
  );

  it.each(['_glibc', '___x', 'glibc', '', '__', '__.a', '__a--b', '__a..b', '__A', '__a b', `__${'a'.repeat(63)}`])(
    'does not take %j for a virtual package',
    (name) => {
      expect(isVirtualPackageName(name)).toBe(false);
    },
  );
});
