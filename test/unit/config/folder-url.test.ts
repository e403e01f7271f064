import { fileURLToPath } from 'node:url';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { folderUrl } from '../../../src/config/folder-url.js';
import { resolveSettings } from '../../../src/config/resolve-settings.js';
import { declareChannels } from '../../../src/conda/channel/declare-channels.js';
import { checkChannels } from '../../../src/gateway/wire-url.js';
import { isRepackError } from '../../../src/base/errors.js';
import { testRuntime } from '../../helpers/runtime.js';

const rt = testRuntime({ machine: { cwd: '/work dir', homedir: '/home/u' } });

async function baseUrlOf(given: string): Promise<string> {
  return (await resolveSettings(rt, { baseUrl: given }, { config: undefined, root: undefined })).values.baseUrl;
}

describe('C16: --base-url', () => {
  it.each([
    ['file:///srv/up', 'file:///srv/up', '/srv/up'],
    ['file:///srv/wïn up', 'file:///srv/w%C3%AFn%20up', '/srv/wïn up'],
    ['file:///srv/w%C3%AFn%20up', 'file:///srv/w%C3%AFn%20up', '/srv/wïn up'],
    ['file:///srv/w%c3%afn up', 'file:///srv/w%c3%afn%20up', '/srv/wïn up'],
    ['file:///srv/100% up', 'file:///srv/100%25%20up', '/srv/100% up'],
    ['file://localhost/srv/wïn up', 'file:///srv/w%C3%AFn%20up', '/srv/wïn up'],
    ['/srv/up', 'file:///srv/up', '/srv/up'],
    ['/srv/wïn up', 'file:///srv/w%C3%AFn%20up', '/srv/wïn up'],
    ['/srv/100%25 #1?/日本', 'file:///srv/100%2525%20%231%3F/%E6%97%A5%E6%9C%AC', '/srv/100%25 #1?/日本'],
    ['./up', 'file:///work%20dir/up', '/work dir/up'],
    ['../up', 'file:///up', '/up'],
    ['/srv/x/../up', 'file:///srv/up', '/srv/up'],
  ])('%s', async (given, url, folder) => {
    expect(await baseUrlOf(given)).toBe(url);
    expect(fileURLToPath(url)).toBe(folder);
    const channels = declareChannels({
      baseUrl: url,
      owner: 'acme',
      label: 'halkbank',
      labelPath: 'label',
      baseChannels: ['main'],
      hasToken: false,
      subdirs: ['linux-64'],
    });
    expect(channels.map((each) => each.url)).toEqual([`${url}/acme/label/halkbank`, `${url}/acme`, `${url}/main`]);
    expect(() => checkChannels(channels, { token: undefined, tokenBase: '', allowHttp: [] })).not.toThrow();
  });

  it.each([
    ['D:\\x y', 'file:///D:/x%20y', 'D:\\x y'],
    ['D:/x y/ü', 'file:///D:/x%20y/%C3%BC', 'D:\\x y\\ü'],
    ['\\\\srv\\share\\wïn up', 'file://srv/share/w%C3%AFn%20up', '\\\\srv\\share\\wïn up'],
    ['file:///D:\\x y', 'file:///D:/x%20y', 'D:\\x y'],
    ['file:///D:/x y', 'file:///D:/x%20y', 'D:\\x y'],
    ['file://srv/share/wïn up', 'file://srv/share/w%C3%AFn%20up', '\\\\srv\\share\\wïn up'],
  ])('of Windows: %s', async (given, url, folder) => {
    expect(await baseUrlOf(given)).toBe(url);
    expect(fileURLToPath(url, { windows: true })).toBe(folder);
  });

  it.each([
    ['https://conda.anaconda.org', 'https://conda.anaconda.org'],
    ['https://Srv.Example/a b', 'https://srv.example/a%20b'],
    ['https://srv.example/wïn', 'https://srv.example/w%C3%AFn'],
    ['https://bücher.example/x', 'https://xn--bcher-kva.example/x'],
    ['https://srv.example/x/', 'https://srv.example/x/'],
  ])('of a server: %s', async (given, url) => {
    expect(await baseUrlOf(given)).toBe(url);
  });

  it.each(['', 'srv.example/x', 'ftp://srv/x', 'file:x', 'file://', ' /srv', '//srv/x', 'C:'])(
    '"%s" is refused',
    async (given) => {
      const error: unknown = await baseUrlOf(given).catch((thrown: unknown) => thrown);
      expect(isRepackError(error) && [error.code, error.what]).toEqual([
        'E_USAGE',
        expect.stringMatching(/must be a URL that begins with .*, or the path of a folder/),
      ]);
    },
  );

  it('a variable that nobody filled in stays, to be told', () => {
    expect(folderUrl('file:///%MY_DIR%/x y', (each) => each)).toBe('file:///%MY_DIR%/x y');
  });

  it('in the file, and base channels: a path counts from the file’s folder', async () => {
    const root = await mkdtemp(path.join(tmpdir(), 'repackenv-base-'));
    await writeFile(
      path.join(root, 'repackenv.yml'),
      'base_url: ~/my pkgs\nchannels: [./wïn up, conda-forge, "file:///srv/a b", "D:\\\\x y"]\n',
    );
    const { values } = await resolveSettings(rt, {}, { config: undefined, root });
    expect(values.baseUrl).toBe('file:///home/u/my%20pkgs');
    expect(values.channels).toEqual([
      `file://${root}/w%C3%AFn%20up`,
      'conda-forge',
      'file:///srv/a%20b',
      'file:///D:/x%20y',
    ]);
  });
});
