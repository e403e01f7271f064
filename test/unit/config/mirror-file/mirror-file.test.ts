import { readFileSync, readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { RepackError } from '../../../../src/base/errors.js';
import { isRepackError } from '../../../../src/base/errors.js';
import { reveal } from '../../../../src/base/secret.js';
import { MIRROR_KEYS } from '../../../../src/config/mirror-file/schema.js';
import { parseMirrorText } from '../../../../src/config/mirror-file/read.js';
import { mirrorConfigText } from '../../../../src/config/mirror-file/show.js';

const FIXTURES = new URL('../../../fixtures/mirror/', import.meta.url);
const fixture = (name: string): Uint8Array => readFileSync(new URL(name, FIXTURES));
const read = (text: string | Uint8Array) => parseMirrorText(text, 'mirror.yml');
const texts = (entries: readonly { text: string }[]): string[] => entries.map((entry) => entry.text);

function refusal(text: string | Uint8Array, file = 'mirror.yml'): RepackError {
  try {
    parseMirrorText(text, file);
  } catch (error) {
    if (!isRepackError(error)) throw error;
    return error;
  }
  throw new Error('was not refused');
}

/** `LINE:COLUMN what -> hint`, for tables. */
function complaint(text: string | Uint8Array): string {
  const { code, what, where, hint } = refusal(text);
  expect(code).toBe('E_MIRROR_FILE');
  const place = /^mirror\.yml, line (\d+)(?:, column (\d+))?$/.exec(where ?? '');
  expect(place, where).not.toBeNull();
  return `${place![1]}:${place![2] ?? ''} ${what} -> ${hint}`;
}

describe('mirror files of the old tools', () => {
  it('reads the documented file of cas-mirror as it is', () => {
    const settings = parseMirrorText(fixture('cas-mirror.yml'), '/etc/cas-mirror');
    expect(settings).toMatchObject({
      file: '/etc/cas-mirror',
      channels: [{ text: 'defaults', token: false, line: undefined }],
      platforms: ['linux-64', 'win-32'],
      mirrorDir: '/home/data/mirror',
      remoteUrl: '',
      fetchInstallers: false,
      delta: false,
      token: undefined,
      warnings: [],
    });
    expect(settings.filter.blacklist.map(({ text, line }) => `${line} ${text}`)).toEqual([
      '8 dnspython',
      '9 shapely',
      '10 gdal',
    ]);
  });

  it('reads the documented file of anaconda-server-sync-conda: one licence as a text', () => {
    const { mirrorDir, platforms, filter } = read(fixture('whitelist-blacklist.yml'));
    expect([mirrorDir, platforms]).toEqual(['/opt/anaconda-server/package-storage', ['linux-32', 'linux-64']]);
    expect(filter.licenseBlacklist).toEqual([{ text: 'GPL', line: 5, families: ['GPL', 'GPL2', 'GPL3'] }]);
    expect(texts(filter.whitelist)).toEqual(['distribute', 'conda']);
    expect(texts(filter.blacklist)).toEqual(['flask', 'readline']);
  });

  it('reads several channels, YAML 1.1 booleans and delta', () => {
    const settings = read(fixture('several-channels.yml'));
    expect(texts(settings.channels)).toEqual([
      'https://repo.anaconda.com/pkgs/main',
      'https://repo.anaconda.com/pkgs/r',
      'https://conda.anaconda.org/conda-forge',
    ]);
    expect(settings).toMatchObject({ delta: true, deltaDir: '/srv/mirror/deltas', fetchInstallers: false });
    expect(settings.filter.licenseBlacklist.flatMap((entry) => entry.families)).toEqual([
      'AGPL',
      'PUBLIC-DOMAIN',
      'OTHER',
    ]);
  });

  it('takes the defaults of cas-mirror for what is not there, and says so', () => {
    const settings = read('delta: true\n');
    expect(settings).toMatchObject({
      mirrorDir: '/opt/cas-mirror',
      deltaDir: '/opt/cas-mirror-delta',
      remoteUrl: 'https://repo.anaconda.com/',
      shrinkLimit: 0.1,
    });
    expect(settings.platforms).toEqual(expect.arrayContaining(['linux-64', 'osx-64', 'win-64', 'linux-ppc64le']));
    expect(settings.warnings.map((each) => each.code)).toEqual(['default-mirror-dir']);
    expect(settings.origins.channels).toEqual({ from: 'default' });
    expect(settings.origins.delta).toEqual({ from: 'file', line: 1 });
  });

  it('refuses dest_site and says what to use', () => {
    const error = refusal(fixture('dest-site.yml'));
    expect([error.where, error.hint]).toEqual([
      'mirror.yml, line 3, column 1',
      expect.stringContaining('use `delta` and `import`'),
    ]);
  });

  it('names every key that is not read here at once, the first one first', () => {
    const error = refusal('dest_channel: x\nchannels: [main]\npkg_list: [numpy]\nplatform: [linux-64]\n');
    expect(error.where).toBe('mirror.yml, line 1, column 1');
    expect(error.details).toEqual([
      expect.stringMatching(/^mirror\.yml, line 3, column 1: "pkg_list" is not read here\. Write `include:/),
      expect.stringMatching(/^mirror\.yml, line 4, column 1: Unknown key "platform"\. Did you mean "platforms"\?/),
    ]);
  });

  it('names line and fix where a comment has swallowed the key, as the documentation prints it', () => {
    expect(complaint(fixture('cas-mirror-key-in-comment.yml'))).toMatch(
      /^3:70 "platforms:" stands at the end of a comment.*\n {2}platforms:\n {4}- linux-64$/s,
    );
  });

  it.each([
    [
      'the list goes to a key without a value',
      'remote_url:\n# which ones platforms:\n  - linux-64\nblacklist: [a]\n',
      2,
    ],
    ['the list goes to channels', 'channels:\n# platforms:\n  - linux-64\n', 2],
    ['the list joins another one', 'blacklist:\n  - a\n# possible platforms:\n  - linux-64\n', 3],
    ['the comment follows a plain value', 'mirror_dir: /srv/m\n# platforms:\n  - linux-64\n', 2],
    ['with a blank line between', 'mirror_dir: /srv/m\n# platforms:\n\n  - linux-64\n', 2],
    ['Windows line ends', 'remote_url: ""\r\n# x platforms:\r\n  - linux-64\r\n', 2],
  ])('names the swallowed key: %s', (_, text, line) => {
    expect(complaint(text)).toMatch(new RegExp(`^${line}:\\d+ "platforms:" stands at the end of a comment`));
  });

  it('warns where the swallowed list goes to another list without a sign', () => {
    const { filter, warnings } = read('mirror_dir: /a/b\nwhitelist:\n  - conda\n# blacklist:\n  - flask\n');
    expect(texts(filter.whitelist)).toEqual(['conda', 'flask']);
    expect(warnings).toEqual([
      expect.objectContaining({ code: 'key-in-comment', message: expect.stringContaining('line 4') }),
    ]);
  });

  it('takes a MatchSpec with a comma and a licence with a blank as one text', () => {
    const { filter } = read('include: numpy>=1.26,<2\nlicense_blacklist: Public Domain\n');
    expect(texts(filter.include)).toEqual(['numpy>=1.26,<2']);
    expect(filter.licenseBlacklist[0]?.families).toEqual(['PUBLIC-DOMAIN']);
  });

  it.each([
    ['fetch_installers: true', 'no-installers-named'],
    ['remote_url: https://repo.example.com/', 'remote-url-no-channel'],
    ['delta_dir: /srv/deltas', 'delta-dir-alone'],
    ['platforms: [linux-newcpu]', 'unknown-platform'],
  ])('warns of what has no effect or looks wrong: %s', (line, code) => {
    expect(read(`mirror_dir: /a/b\n${line}\n`).warnings.map((each) => each.code)).toEqual([code]);
  });

  it('does not mind a key that is commented out with its list', () => {
    expect(read('mirror_dir: /a/b\nblacklist:\n# whitelist:\n#  - conda\n  - flask\n').warnings).toEqual([]);
  });

  it('names line and fix for items that begin with a star', () => {
    expect(complaint(fixture('cas-mirror-star-item.yml'))).toBe(
      '4:3 An item of a list begins with "*" -> Write it with a dash and a blank:\n  - linux-64',
    );
    expect(complaint('platforms:\n  - linux-64\n  * win-64\n')).toMatch(/^3:3 .*- win-64$/s);
  });

  it('has each fixture that is whole readable, and shows it as a file that reads the same', () => {
    const whole = readdirSync(FIXTURES).filter(
      (name) => name.endsWith('.yml') && !/dest-site|-key-in|-star/.test(name),
    );
    expect(whole.length).toBeGreaterThan(3);
    for (const name of whole) {
      const once = mirrorConfigText(parseMirrorText(fixture(name), name));
      const again = mirrorConfigText(parseMirrorText(once, name));
      const values = (text: string): string[] => text.split('\n').map((line) => line.replace(/\s+# .*/, ''));
      expect(values(again)).toEqual(values(once));
    }
  });
});

describe('keys of ours', () => {
  const settings = parseMirrorText(fixture('everything-of-ours.yml'), 'all.yml');

  it('reads every one', () => {
    expect(settings).toMatchObject({
      channels: [
        { text: 'https://conda.anaconda.org/prometeia/label/halkbank', token: true, line: 2 },
        { text: 'conda-forge', token: false, line: 4 },
      ],
      platforms: ['linux-64'],
      fetchInstallers: true,
      shrinkLimit: 0.2,
    });
    expect(settings.installers).toEqual([
      {
        url: 'https://repo.example.com/installers/Miniforge3-24.11.3-0-Linux-x86_64.sh',
        sha256: '0123456789abcdef'.repeat(4),
        name: 'Miniforge3-24.11.3-0-Linux-x86_64.sh',
        line: 9,
      },
      {
        url: 'https://repo.example.com/Miniconda3-latest-Windows-x86_64.exe',
        sha256: '1'.repeat(64),
        name: 'miniconda.exe',
        line: 11,
      },
    ]);
    const { filter } = settings;
    expect(filter.include.map(({ pattern, spec }) => [pattern, spec.version, spec.channel])).toEqual([
      ['numpy', '>=1.26,<2', undefined],
      ['pandas', undefined, 'conda-forge'],
      ['r-*', undefined, undefined],
    ]);
    expect(texts(filter.python)).toEqual(['3.10', '3.11']);
    expect(filter.since?.time).toBe(Date.UTC(2020, 0, 1));
    expect(filter.until?.time).toBe(Date.UTC(2025, 0, 1) - 1);
    expect(filter.latest).toEqual({ line: 19, count: 2, per: 'name-python' });
    expect(filter.dependencies).toBe('all');
  });

  it('shows what is in force, each with its line or default', () => {
    const text = mirrorConfigText(settings);
    expect(text).toContain('# mirror file: all.yml\n');
    expect(text).toMatch(/^latest: \{count: 2, per: name-python\} +# all\.yml, line 19$/m);
    expect(text).toMatch(/^delta: false +# default$/m);
    expect(text).toContain('# not set: license_blacklist, blacklist, whitelist, delta_dir\n');
    expect(mirrorConfigText({ ...settings, account: 'halkbank' })).toContain('# account: halkbank (--account)');
  });

  it.each([
    ['latest: 3', { count: 3, per: 'name' }],
    ['latest: {count: 1}', { count: 1, per: 'name' }],
  ])('%s', (line, expected) => {
    expect(read(line).filter.latest).toMatchObject(expected);
  });

  it.each([
    ['with_dependencies: no', 'none'],
    ['with_dependencies: false', 'none'],
    ['with_dependencies: solve', 'solve'],
  ])('%s', (line, expected) => {
    expect(read(line).filter.dependencies).toBe(expected);
  });

  it.each([
    ['0', 0],
    ['1', 1],
    ['0.25', 0.25],
    ['7%', 0.07],
    ['"30 %"', 0.3],
  ])('shrink_limit: %s', (text, share) => {
    expect(read(`shrink_limit: ${text}`).shrinkLimit).toBeCloseTo(share);
  });

  it('takes a byte order mark and Windows line ends', () => {
    const bytes = new TextEncoder().encode('\ufeffmirror_dir: /a/b\r\nblacklist:\r\n  - gdal\r\n');
    expect(read(bytes).filter.blacklist).toEqual([{ text: 'gdal', line: 3, pattern: 'gdal' }]);
  });
});

describe('tokens in a mirror file', () => {
  it('takes the token out of a URL, keeps it secret and warns', () => {
    const settings = read('mirror_dir: /a/b\nchannels:\n  - https://h/t/ab-c%2Fd/chan/\n  - https://h/other\n');
    expect(reveal(settings.token!)).toBe('ab-c/d');
    expect(settings.channels.map(({ text, token }) => [text, token])).toEqual([
      ['https://h/chan', true],
      ['https://h/other', false],
    ]);
    expect(settings.warnings.map((each) => each.code)).toEqual(['token-in-mirror-file']);
    expect(JSON.stringify(settings) + mirrorConfigText(settings)).not.toMatch(/ab-c/);
  });

  it.each([
    ['two of them', 'channels: [https://h/t/SENTINEL1/a, https://h/t/SENTINEL2/b]'],
    ['a user name', 'channels: [https://joe:SENTINEL@h/a]'],
    ['the token itself as value', 'channels: [{url: https://h/a, token: SENTINEL}]'],
    ['a placeholder', 'channels: [https://h/t/<SENTINEL>/a]'],
    ['a key for it', 'api_token: SENTINEL'],
    ['in broken YAML', 'channels: [https://h/t/SENTINEL/a'],
    ['in a list of another key', 'blacklist: [https://h/t/SENTINEL/a]'],
    ['with a subdir behind', 'channels: [https://h/t/SENTINEL/a/linux-64]'],
    ['in the path of an installer', `installers: [{url: https://h/t/SENTINEL/x.sh, sha256: ${'a'.repeat(64)}}]`],
    ['in the query of remote_url', 'remote_url: https://h/x?key=SENTINEL'],
    ['in an installer', 'installers: [{url: https://joe:SENTINEL@h/a, sha256: aa}]'],
  ])('never shows it in a refusal: %s', (_, text) => {
    const { what, where, hint, details } = refusal(text);
    expect([what, where, hint, ...details].join('\n')).not.toContain('SENTINEL');
  });
});

describe('refusals name line, column and what to write', () => {
  const utf16 = Uint8Array.from([0xff, 0xfe, ...[...'mirror_dir: /a'].flatMap((char) => [char.charCodeAt(0), 0])]);
  const rows: [string, string | Uint8Array, RegExp][] = [
    ['empty', '', /^1: The mirror file is empty -> .*mirror_dir:/s],
    ['only comments', '# nothing\n', /^1: The mirror file is empty/],
    ['UTF-16', utf16, /^1:1 The file is UTF-16 -> Save it as UTF-8/],
    [
      'Latin-1',
      Uint8Array.from([...'mirror_dir: /m'].map((c) => c.charCodeAt(0)).concat(0xfc)),
      /^1:15 The file is not UTF-8/,
    ],
    ['control character', 'mirror_dir: /a\u0000b', /^1:15 A control character/],
    ['old Mac line ends', 'mirror_dir: /a\rplatforms: [x]\r', /^1: The lines end with a lone carriage return/],
    [
      'duplicate key',
      'mirror_dir: /a/b\n\nmirror_dir: /c/d\n',
      /^3:1 The key "mirror_dir" is there twice, first on line 1/,
    ],
    [
      'unknown key',
      'mirror_dir: /a/b\nplatform: [linux-64]\n',
      /^2:1 Unknown key "platform" -> Did you mean "platforms"\?/,
    ],
    ['misspelt key', 'licence_blacklist: [GPL]\n', /Did you mean "license_blacklist"\?/],
    ['key of another tool', 'python_versions: [2.7]\n', /^1:1 "python_versions" is not read here -> Write `python:/],
    [
      'unquoted python',
      'python: [3.10, 3.11]\n',
      /^1:10 "python" has 3\.10 without quotes, which YAML reads as the number 3\.1 -> Write it in quotes: "3\.10"\.$/,
    ],
    ['python of one number', 'python: ["3"]\n', /^1:10 .*no python version of two numbers/],
    ['empty python', 'python:\n', /^1:1 "python" is there but empty/],
    ['empty include', 'include:\n# - a\n', /^1:1 "include" is there but empty/],
    ['wrong platform', 'platforms: [linux64]\n', /^1:13 .*Did you mean linux-64\?/],
    ['platforms as one text', 'platforms: linux-64, win-64\n', /^1:12 .*platforms: \[linux-64, win-64\]$/s],
    ['no platform', 'platforms:\n', /^1:1 "platforms" has no platform/],
    ['noarch alone', 'platforms: [noarch]\n', /has only noarch/],
    ['dash without blank', 'platforms:\n  -linux-64\n  -win-64\n', /^2:3 A blank is missing after the dash/],
    ['a typographic dash', 'platforms:\n  – linux-64\n', /^2:3 An item of a list begins with "–"/],
    [
      'colon without blank',
      'platforms: [linux-64]\nmirror_dir:/srv/x\n',
      /^2:11 A blank is missing after "mirror_dir:"/,
    ],
    ['equals sign', 'mirror_dir = /srv/x\n', /^1:11 "mirror_dir" is followed by "="/],
    ['tab', 'platforms:\n\t- linux-64\n', /^2:1 A tab stands where YAML wants blanks/],
    ['no-break space', 'platforms:\n\u00a0\u00a0- linux-64\n', /^2:1 .*U\+00A0/],
    ['unclosed list', 'blacklist: [a, b\nplatforms: [linux-64]\n', /^2:1 A list in brackets is not closed/],
    ['unclosed quote', 'mirror_dir: "/a/b\nplatforms: [linux-64]\n', /A quote is not closed -> It begins on line 1/],
    ['backslash in quotes', 'mirror_dir: "C:\\mirror"\n', /^1:16 A backslash in double quotes/],
    ['a tab by backslash', 'mirror_dir: "C:\\temp"\n', /^1:13 .*single quotes \('C:\\temp/],
    ['alias', 'blacklist: &a [x]\nwhitelist: *a\n', /^2:12 YAML anchors and aliases/],
    [
      'alias bomb',
      'blacklist: &a [x, x]\nwhitelist: &b [*a, *a]\nexclude: [*b, *b]\n',
      /^2:16 YAML anchors and aliases/,
    ],
    ['tag', 'mirror_dir: !!python/object:os.system ls\n', /YAML tags/],
    ['two documents', 'mirror_dir: /a/b\n---\nmirror_dir: /c/d\n', /^2:1 A second document begins here/],
    ['a list at the root', '- linux-64\n', /^1:1 A mirror file is made of `key: value` lines/],
    ['nested too deep', `blacklist: ${'['.repeat(100_000)}`, /^1:62 More than 50 brackets/],
    ['nested too deep in blocks', `blacklist:\n ${'- '.repeat(100_000)}`, /nested too deeply/],
    ['a mapping in a list', 'blacklist:\n  - flask: 1\n', /^2:5 "blacklist" has `flask:`/],
    [
      'the form of conda-mirror',
      'blacklist:\n  - name: "*"\n    license: "*agpl*"\n',
      /^2:5 .*the form of conda-mirror/s,
    ],
    [
      'a number as a name',
      'blacklist: [7]\n',
      /^1:13 "blacklist" has 7, which YAML reads as a number.*Put it in quotes: "7"/,
    ],
    ['an empty item', 'blacklist:\n  -\n  - foo\n', /has an item with nothing in it/],
    ['a spec in blacklist', 'blacklist: ["numpy=1.26"]\n', /Move it to `exclude`/],
    ['a spec in whitelist', 'whitelist: ["numpy>1"]\n', /Move it to `include`/],
    ['a file in blacklist', 'blacklist: [flask-1.0-py36_0.tar.bz2]\n', /This list holds package names, like flask\./],
    ['typographic quotes', 'blacklist: [“flask”]\n', /quotes that YAML takes for letters/],
    ['everything in blacklist', 'blacklist: ["*"]\n', /which is every package/],
    ['a star in front', 'include:\n  - *numpy\n', /a star stands in quotes/i],
    ['malformed spec', 'include: ["numpy >> 3"]\n', /^1:11 "include" has "numpy >> 3", which can't be read/],
    ['licence instead of its family', 'license_blacklist: [MPL]\n', /^1:21 .*Did you mean MOZILLA\?/],
    ['licence of SPDX', 'license_blacklist: [Apache-2.0]\n', /^1:21 .*Did you mean APACHE\?/],
    ['licence that no family is near', 'license_blacklist: [Zlib]\n', /-> Families are AGPL/],
    ['unknown licence', 'license_blacklist: [GPLv3]\n', /^1:21 .*Did you mean GPL3\?/],
    ['no day', 'since: 2024-02-31\n', /^1:8 "since" must be a day/],
    [
      'days swapped',
      'since: 2024-02-01\nuntil: 2024-01-01\n',
      /^2:1 "until" ends \(2024-01-01\) before "since" begins/,
    ],
    ['latest as text', 'latest: "2"\n', /^1:9 .*without quotes/],
    ['latest 0', 'latest: 0\n', /a whole number from 1 to 1000, not "0"/],
    ['latest per what', 'latest: {count: 1, per: version}\n', /counts per "version"/],
    ['latest without count', 'latest: {per: name}\n', /has no `count`/],
    ['dependencies: yes', 'with_dependencies: yes\n', /must be no, solve or all, not "yes"/],
    ['shrink in percent', 'shrink_limit: 10\n', /For 10 of a hundred write 10%/],
    ['flag', 'delta: maybe\n', /^1:8 "delta" must be true or false, not "maybe"/],
    ['a channel twice', 'channels: [conda-forge, conda-forge]\n', /has "conda-forge" twice \(line 1\)/],
    ['a folder as channel', 'channels: [/srv/channel]\n', /file:\/\/\/srv\/channel/],
    ['a Windows folder as channel', "channels: ['C:\\srv\\channel']\n", /file:\/\/\/C:\/srv\/channel/],
    ['a channel with its subdir', 'channels: [https://h/main/linux-64]\n', /Name the channel, https:\/\/h\/main/],
    ['ftp', 'channels: [ftp://h/main]\n', /ftp/],
    ['mirror_dir as URL', 'mirror_dir: file:///srv/m\n', /is a URL, but must be a folder/],
    ['mirror_dir with variable', 'mirror_dir: $HOME/m\n', /has a variable in it/],
    ['mirror_dir in the home of somebody', 'mirror_dir: ~bob/m\n', /a name, which only a shell fills in/],
    ['mirror_dir with ~ alone', 'mirror_dir: ~\n', /is "~" alone/],
    ['mirror_dir as list', 'mirror_dir: [/a]\n', /has a list where one text must stand/],
    ['names on one line', 'blacklist: flask readline\n', /^1:12 .*blacklist: \[flask, readline\]$/s],
    [
      'a dash too few',
      'platforms:\n- linux-64\n win-64\n',
      /^2:3 .*A dash is missing.*platforms: \[linux-64, win-64\]$/s,
    ],
    ['channels on one line', 'channels: conda-forge defaults\n', /neither the name of a channel nor a URL/],
    ['a comma without quotes', 'exclude: [numpy>=1.26,<2]\n', /^1:23 .*put the whole spec in quotes/],
    ['versions as a mapping', 'include:\n  numpy: ">=1.26"\n', /as one text, "numpy>=1\.26"/],
    ['braces for a list', 'platforms: {linux-64}\n', /A list stands in \[ \] and not in \{ \}/],
    ['a template', 'mirror_dir: {{ dir }}\n', /templates/],
    ['a template as a key', '{{ mirror }}: x\n', /templates/],
    ['an indented key', 'mirror_dir: /a/b\n platforms:\n  - linux-64\n', /^2:2 "platforms:" is indented/],
    [
      'two keys on a line',
      'mirror_dir: /a/b  platforms: [linux-64]\n',
      /^1:19 "platforms:" stands on the line of another key/,
    ],
    ['text behind a quote', 'blacklist:\n  - "numpy"extra\n', /^2:12 Text follows where the value has ended/],
    ['a web page', '<!DOCTYPE html>\n<html><body>x: y</body></html>\n', /^1: This is a web page/],
    ['remote_url: none', 'remote_url: none\n', /write remote_url: ""$/],
    ['installer without digest', 'installers: [{url: https://h/x.sh}]\n', /^1:14 .*without `sha256`/],
    ['installer with a short digest', 'installers: [{url: https://h/x.sh, sha256: 12}]\n', /not 64 hexadecimal digits/],
    ['installer with an unknown key', 'installers: [{url: https://h/x.sh, sha265: aa}]\n', /Did you mean "sha256"\?/],
    [
      'installer by file, no remote',
      `remote_url: ""\ninstallers: [{file: x.sh, sha256: ${'a'.repeat(64)}}]\n`,
      /remote_url is ""/,
    ],
    [
      'installer with an unsafe name',
      `installers: [{url: "https://h/..%2fx", sha256: ${'a'.repeat(64)}}]\n`,
      /file name can't be used/,
    ],
    [
      'two installers of one name',
      `installers:\n${['a', 'b'].map((d) => `  - {url: https://${d}/X.sh, sha256: ${d.repeat(64)}}\n`).join('')}`,
      /would both be "X\.sh"/,
    ],
  ];
  it.each(rows)('%s', (_, text, expected) => {
    expect(complaint(text)).toMatch(expected);
  });

  it('refuses a file too big to be one', () => {
    const error = refusal(new Uint8Array(2_000_000));
    expect([error.code, error.what]).toEqual(['E_MIRROR_FILE', 'The file is 2.0 MB, too big for a mirror file']);
  });

  it('reads any text or refuses it with E_MIRROR_FILE, and names a line that exists', () => {
    const piece = fc.constantFrom(
      ...MIRROR_KEYS,
      ': ',
      ':',
      '\n',
      '  - ',
      '  * ',
      '# ',
      '"',
      "'",
      '[',
      ']',
      '{',
      '}',
      'linux-64',
      '3.10',
      '&a ',
      '*a',
      '!',
      '\t',
      '---\n',
      'GPL',
      'x',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(piece, { maxLength: 30 }).map((all) => all.join('')),
          fc.string({ unit: 'binary' }),
        ),
        (text) => {
          try {
            read(text);
          } catch (error) {
            expect(isRepackError(error) && error.code).toBe('E_MIRROR_FILE');
            const line = Number(/line (\d+)/.exec((error as RepackError).where ?? '')?.[1] ?? 1);
            expect(line).toBeLessThanOrEqual(text.split('\n').length);
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});
