import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { decode } from '@msgpack/msgpack';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { zstdDecompress } from '../../src/codec/zstd.js';
import type { Manifest } from '../../src/channel/manifest/manifest.js';
import { openWorkplace, type Ran, type RunningProgram, type Workplace } from '../helpers/programs.js';
import { rawExchange, rawRequest, statusesIn } from '../helpers/raw-http.js';
import { expectRefusal } from '../helpers/refusals.js';
import { eventsOf } from '../helpers/real-upstream.js';
import { startServeProgram, type ServeProgram } from '../helpers/serve-program.js';

const TOKEN = 'site-5e4d3c2b_token.x';

let work: Workplace;
const running = new Set<RunningProgram>();
beforeAll(async () => {
  work = await openWorkplace();
  const update = await work.update();
  expect(update.exitCode, update.stderr).toBe(0);
});
afterEach(async () => {
  for (const program of running) program.child.kill('SIGKILL');
  await Promise.all([...running].map(({ ended }) => ended));
  running.clear();
});
afterAll(() => work.close());

async function serve(args: readonly string[], env: Record<string, string> = {}): Promise<ServeProgram> {
  const program = await startServeProgram(args, { home: work.home, env });
  running.add(program);
  return program;
}

const manifest = (): Manifest => JSON.parse(readFileSync(join(work.labelDir, 'manifest.json'), 'utf8')) as Manifest;

describe('repackenv serve', () => {
  it('serves a label folder until it is told to stop, which is its regular end', async () => {
    const before = work.published();
    const up = await serve([work.labelDir]);
    expect(up.url).toBe(`http://127.0.0.1:${up.port}/halkbank`);
    for (const { path, size, sha256 } of manifest().files) {
      const answer = await fetch(`${up.url}/${path}`);
      expect([answer.status, answer.headers.get('etag')], path).toEqual([200, `"${sha256}"`]);
      expect((await answer.arrayBuffer()).byteLength).toBe(size);
    }
    const ran = await up.stop();
    expect(ran).toMatchObject({ exitCode: 0, signal: null });
    expect(ran.stdout).toMatch(/^served http:\/\/127\.0\.0\.1:\d+: \d+ requests \(\d+ × 200\), [\d.]+ kB, [\d.]+ s\n$/);
    expect(work.published()).toEqual(before);
  });

  it('--shards offers the indexes in shards too, made of those that go out', async () => {
    const up = await serve([work.labelDir, '--shards']);
    const get = async (path: string): Promise<Buffer> => {
      const answer = await fetch(`${up.url}/${path}`);
      expect(answer.status, path).toBe(200);
      return Buffer.from(await answer.arrayBuffer());
    };
    type Listing = { info: { subdir: string }; shards: Record<string, Uint8Array> };
    type Shard = Record<'packages' | 'packages.conda', Record<string, { sha256: Uint8Array; depends: string[] }>>;
    const unpacked = async <T>(path: string): Promise<T> =>
      decode(await zstdDecompress(await get(path), { maxBytes: 1_000_000 })) as T;
    for (const subdir of manifest().subdirs) {
      const { info, shards } = await unpacked<Listing>(`${subdir}/repodata_shards.msgpack.zst`);
      expect(info.subdir).toBe(subdir);
      const index = JSON.parse((await get(`${subdir}/repodata.json`)).toString()) as Shard;
      const records: [string, unknown][] = [];
      for (const digest of Object.values(shards)) {
        const shard = await unpacked<Shard>(`${subdir}/${Buffer.from(digest).toString('hex')}.msgpack.zst`);
        records.push(...Object.entries({ ...shard.packages, ...shard['packages.conda'] }));
      }
      const whole = { ...index.packages, ...index['packages.conda'] };
      expect(records.map(([fn]) => fn).sort()).toEqual(Object.keys(whole).sort());
      for (const [fn, record] of records) {
        const { sha256, depends } = record as Shard['packages'][string];
        expect([Buffer.from(sha256).toString('hex'), depends]).toEqual([String(whole[fn]!.sha256), whole[fn]!.depends]);
      }
    }
    expect((await fetch(`${up.url}/linux-64/${'0'.repeat(64)}.msgpack.zst`)).status).toBe(404);
    expect((await fetch(`${up.url}/win-64/repodata_shards.msgpack.zst`)).status).toBe(404);
    expect(readdirSync(join(work.labelDir, 'noarch')).filter((name) => name.includes('msgpack'))).toEqual([]);
  });

  it('answers conditions and ranges', async () => {
    const up = await serve([work.labelDir]);
    const { path, sha256, size } = manifest().files.find(({ kind }) => kind === 'artifact')!;
    const bytes = readFileSync(join(work.labelDir, path));
    const ask = (headers: Record<string, string>, method = 'GET'): Promise<Response> =>
      fetch(`${up.url}/${path}`, { method, headers });
    const tag = `"${sha256}"`;
    const lastModified = (await ask({}, 'HEAD')).headers.get('last-modified')!;
    const part = await ask({ range: 'bytes=10-19', 'if-range': tag });
    expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 10-19/${size}`]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(10, 20));
    const rest = await ask({ range: `bytes=${size - 5}-` });
    expect(Buffer.from(await rest.arrayBuffer())).toEqual(bytes.subarray(size - 5));
    const other = await ask({ range: 'bytes=10-19', 'if-range': '"of other bytes"' });
    expect([other.status, (await other.arrayBuffer()).byteLength]).toEqual([200, size]);
    for (const [name, value] of [
      ['if-none-match', tag],
      ['if-modified-since', lastModified],
    ] as const) {
      const unchanged = await ask({ [name]: value });
      expect([unchanged.status, unchanged.headers.get('etag'), await unchanged.text()]).toEqual([304, tag, '']);
    }
    const head = await ask({}, 'HEAD');
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, String(size), '']);
  });

  it.each(['bytes=5-2', 'bytes=abc', 'bytes=99999999-', 'bytes=-0', 'bytes=0-1,x'])(
    'N14 answers 416 to Range: %s',
    async (range) => {
      const up = await serve([work.labelDir]);
      const { path, size } = manifest().files.find(({ kind }) => kind === 'artifact')!;
      const { status, headers } = await rawRequest(up.port, `/${path}`, { headers: { Range: range } });
      expect([status, headers['content-range']]).toEqual([416, `bytes */${size}`]);
    },
  );

  it('N14 serves nothing but what index and manifest name', async () => {
    const up = await serve([work.root]);
    const cases: [string, number][] = [
      ['/../x', 400],
      ['/halkbank/../../etc/passwd', 400],
      ['/halkbank/%2e%2e/%2e%2e/etc/passwd', 400],
      ['/halkbank/..%5c..%5cwindows%5cwin.ini', 400],
      ['/halkbank/manifest.json%00', 400],
      ['/halkbank/%zz', 400],
      [`http://127.0.0.1:${up.port}/halkbank/manifest.json`, 400],
      ['http://other.example/halkbank/manifest.json', 400],
      ['//halkbank/manifest.json', 404],
      ['/halkbank//manifest.json', 404],
      ['/HALKBANK/manifest.json', 404],
      ['/halkbank/Manifest.json', 404],
      ['/.repackenv/halkbank/', 404],
      ['/halkbank/.hidden', 404],
      ['/halkbank/linux-64/current_repodata.json', 404],
      ['/halkbank/linux-64/repodata_shards.msgpack.zst', 404],
      ['/halkbank/channeldata.json', 404],
      ['/halkbank/manifest.json', 200],
    ];
    const got: [string, number][] = [];
    for (const [target] of cases) got.push([target, (await rawRequest(up.port, target)).status]);
    expect(got).toEqual(cases);
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND']) {
      const { status, headers } = await rawRequest(up.port, '/halkbank/manifest.json', { method });
      expect([method, status, headers['allow']]).toEqual([method, 405, 'GET, HEAD']);
    }
  });

  it('has a page for people, with one script of its own and nothing from elsewhere, and the same as JSON', async () => {
    const up = await serve([work.root]);
    const page = await fetch(`http://127.0.0.1:${up.port}/`);
    expect(await page.text()).toContain('<a href="halkbank/">halkbank</a>');
    const channel = await fetch(`${up.url}/`);
    const html = await channel.text();
    expect(channel.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(channel.headers.get('content-security-policy')).toMatch(
      /^default-src 'none'; img-src data:; style-src 'sha256-\S+='; script-src 'sha256-\S+='; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/,
    );
    const scripts = [...html.matchAll(/<script\b([^>]*)>([^]*?)<\/script>/g)];
    expect(scripts.map(([, attributes]) => attributes)).toEqual(['']);
    expect(channel.headers.get('content-security-policy')).toContain(
      `'sha256-${createHash('sha256').update(scripts[0]![2]!).digest('base64')}'`,
    );
    expect(html).toContain('generation 1');
    expect(html).toContain(`conda create -n my-env --override-channels -c ${up.url} pytho ratingpro`);
    for (const { path, kind } of manifest().files) {
      if (kind === 'artifact') expect(html).toContain(`<a href="${path}">`);
    }
    expect(html).not.toMatch(/\ssrc=|javascript:|@import|url\(/i);
    const links = [...html.matchAll(/href="([^"]*)"/g)].map(([, href]) => href!);
    for (const href of links.filter((each) => !each.startsWith('data:')))
      expect((await fetch(`${up.url}/${href}`, { method: 'HEAD' })).status, href).toBe(200);
    expect(links).toEqual(expect.arrayContaining(['manifest.json', 'SHA256SUMS']));
    expect(links).not.toContain('manifest.json.sig');
    const again = await fetch(`${up.url}/`, { headers: { 'if-none-match': channel.headers.get('etag')! } });
    expect(again.status).toBe(304);
    expect((await fetch(`${up.url}/`, { headers: { 'if-match': '"of another page"' } })).status).toBe(412);
    const slashless = await fetch(up.url, { redirect: 'manual' });
    expect([slashless.status, slashless.headers.get('location')]).toEqual([301, './halkbank/']);
    const json = await fetch(`${up.url}/`, { headers: { accept: 'application/json' } });
    expect(await json.json()).toMatchObject({
      label: 'halkbank',
      generation: 1,
      specs: ['pytho', 'ratingpro'],
      packages: manifest().files.filter(({ kind }) => kind === 'artifact').length,
    });
  });

  it('tells of a label what is in it and why, of all labels their state, and what is not there', async () => {
    const up = await serve([work.root]);
    const base = `http://127.0.0.1:${up.port}`;
    const page = async (path: string, headers: Record<string, string> = { accept: 'text/html' }): Promise<string[]> => {
      const answer = await fetch(base + path, { headers });
      return [String(answer.status), answer.headers.get('content-type')!, await answer.text()];
    };
    const [, , label] = await page('/halkbank/');
    for (const text of [
      'This is the first delivery',
      'asked for',
      'sha256sum -c SHA256SUMS',
      '<svg class="map"',
      `<pre id="address">${base}/halkbank</pre>`,
    ])
      expect(label).toContain(text);
    expect([...label!.matchAll(/<section id="(\w+)"/g)].map(([, id]) => id)).toEqual([
      'install',
      'changes',
      'sizes',
      'licences',
      'runs',
      'proofs',
      'files',
      'tree',
      'packages',
    ]);
    const [, , list] = await page('/halkbank/?q=nothing&page=7&part=list');
    expect(list).toMatch(/^<div id="list"/);
    for (const path of [
      '/nope',
      '/halkbank/nope/',
      '/halkbank/noarch/none-1-0.conda',
      '/.repackenv/',
      '/halkbank/noarch//',
    ]) {
      const [status, type, text] = await page(path);
      expect([status, type], path).toEqual(['404', 'text/html; charset=utf-8']);
      const links = [...text!.matchAll(/<a href="([^"]*)">/g)].map(([, href]) => new URL(href!, base + path));
      expect(
        links.map(({ pathname }) => pathname.replaceAll('//', '/')),
        path,
      ).toEqual(['/halkbank/', '/']);
      expect((await page(path, {})).slice(0, 2)).toEqual(['404', 'text/plain; charset=utf-8']);
    }
    const held = await work.run('repackenv', ['hold', work.labelDir, '--why', 'a <i>freeze</i>']);
    expect(held.exitCode, held.stderr).toBe(0);
    await expect.poll(async () => (await page('/'))[2]).toContain('a &#60;i&#62;freeze&#60;/i&#62;');
    await work.run('repackenv', ['release', work.labelDir]);
    await expect.poll(async () => (await page('/'))[2], { timeout: 8000 }).not.toContain('freeze');
  });

  it('gives the address that the reader has, and puts nothing else of a request into the page', async () => {
    const up = await serve([work.labelDir]);
    const shown = async (headers: Record<string, string>): Promise<string> =>
      (await rawRequest(up.port, '/', { headers })).body.toString();
    expect(await shown({ Host: 'conda.example:8080' })).toContain('-c http://conda.example:8080/halkbank ');
    const behind = { Host: 'conda.example', 'X-Forwarded-Proto': 'https' };
    expect(await shown(behind)).toContain('-c https://conda.example/halkbank ');
    for (const folder of ['/conda/all', '/conda/all/'])
      expect(await shown({ ...behind, 'X-Forwarded-Prefix': folder })).toContain(
        '-c https://conda.example/conda/all/halkbank ',
      );
    for (const value of ['"><script>', 'x y', '<b>', 'a@b', "x'onload='"]) {
      const odd = { 'X-Forwarded-Proto': value, 'X-Forwarded-Prefix': `/${value}` };
      const text = await shown({ Host: 'conda.example', ...odd });
      expect(text).toContain('-c http://conda.example/halkbank ');
      expect(text).not.toContain(value);
      // What is no host is refused (RFC 9112, 3.2); what may be one, and is no name, is not shown.
      const named = await shown({ Host: value, ...odd });
      if (value.startsWith("x'")) expect(named).toContain('-c http://THIS-HOST/halkbank ');
      else expect(named).toBe('400 Bad Request\n');
      expect(named).not.toContain(value);
    }
  });

  it('asks for the token, and shows it nowhere', async () => {
    const logs = join(work.dir, 'logs');
    const up = await serve([work.root, '--token-env', 'SITE_TOKEN', '--debug', '--log-dir', logs], {
      SITE_TOKEN: TOKEN,
    });
    const base = `http://127.0.0.1:${up.port}`;
    const statusOf = async (path: string, headers: Record<string, string> = {}): Promise<number> =>
      (await fetch(base + path, { headers })).status;
    expect(await statusOf(`/t/${TOKEN}/halkbank/noarch/repodata.json`)).toBe(200);
    expect(await statusOf('/halkbank/noarch/repodata.json', { authorization: `Bearer ${TOKEN}` })).toBe(200);
    expect(
      await statusOf('/halkbank/noarch/repodata.json', {
        authorization: `Basic ${Buffer.from(`x:${TOKEN}`).toString('base64')}`,
      }),
    ).toBe(200);
    // Nothing is told of what is there, to one who may not read.
    for (const path of [
      '/',
      '/halkbank/',
      '/halkbank/noarch/repodata.json',
      '/nothing',
      `/t/${TOKEN}x/halkbank/`,
      '/t/',
      '/t',
    ]) {
      const answer = await fetch(base + path);
      expect([path, answer.status, answer.headers.get('www-authenticate')]).toEqual([
        path,
        401,
        'Basic realm="conda channel", charset="UTF-8"',
      ]);
    }
    const page = await fetch(`${base}/t/${TOKEN}/halkbank/`);
    const html = await page.text();
    expect(html).toContain('/t/TOKEN/halkbank ');
    expect(html).not.toContain(TOKEN);
    expect(page.headers.get('cache-control')).toBe('private, no-cache');
    expect(page.headers.get('referrer-policy')).toBe('no-referrer');
    const ran = await up.stop();
    expect(ran.stderr).toMatch(/127\.0\.0\.1 "GET \/t\/<TOKEN>\/halkbank\/noarch\/repodata\.json" 200 \d+ \d+ ms/);
    const log = readdirSync(logs, { recursive: true })
      .map(String)
      .filter((path) => path.endsWith('.log'));
    expect(log).toHaveLength(1);
    expect(log[0]).toMatch(/-serve-root\.log$/);
    const logged = readFileSync(join(logs, log[0]!), 'utf8');
    expect(logged).toMatch(/"GET \/t\/<TOKEN>\/halkbank\/noarch\/repodata\.json" 200/);
    for (const text of [ran.stdout, ran.stderr, logged]) {
      for (const shape of [TOKEN, Buffer.from(`x:${TOKEN}`).toString('base64')]) expect(text).not.toContain(shape);
    }
  });

  it('logs requests to --log-dir without --debug, and then says nothing of them on the terminal', async () => {
    const logs = join(work.dir, 'quiet-logs');
    const up = await serve([work.labelDir, '--log-dir', logs]);
    await fetch(`${up.url}/noarch/repodata.json`);
    const ran = await up.stop();
    expect(ran.stderr).not.toContain('GET');
    const log = readdirSync(logs, { recursive: true })
      .map(String)
      .find((path) => path.endsWith('.log'));
    expect(readFileSync(join(logs, log!), 'utf8')).toContain('"GET /halkbank/noarch/repodata.json" 200');
  });

  it('asks for user and password of a file', async () => {
    const file = join(work.dir, 'users.txt');
    writeFileSync(file, '# readers\n\nanna:one:two\r\nbob:three-four\n', { mode: 0o600 });
    const up = await serve([work.labelDir, '--basic-auth-file', file]);
    const as = async (login: string): Promise<number> =>
      (
        await fetch(`${up.url}/manifest.json`, {
          headers: { authorization: `Basic ${Buffer.from(login).toString('base64')}` },
        })
      ).status;
    expect([
      await as('anna:one:two'),
      await as('bob:three-four'),
      await as('anna:three-four'),
      await as('# readers:'),
    ]).toEqual([200, 200, 401, 401]);
    const authorization = `Basic ${Buffer.from('anna:one:two').toString('base64')}`;
    const html = await (await fetch(`${up.url}/`, { headers: { authorization } })).text();
    expect(html).toContain(`-c http://USER:PASSWORD@127.0.0.1:${up.port}/halkbank `);
    expect(html).not.toContain('anna');
    expect((await up.stop()).stderr).not.toContain('warning');
    chmodSync(file, 0o644);
    const open = await serve([work.labelDir, '--basic-auth-file', file]);
    expect((await open.stop()).stderr).toContain(`warning: other accounts of this machine can read ${file}`);
  });

  it('tells programs of its port with --json', async () => {
    const up = await serve([work.labelDir, '--json']);
    await fetch(`${up.url}/manifest.json`);
    const events = eventsOf(await up.stop());
    expect(events).toContainEqual(expect.objectContaining({ type: 'listening', url: up.url, port: up.port }));
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'request', path: '/halkbank/manifest.json', status: 200 }),
    );
    expect(events.at(-1)).toMatchObject({ type: 'report', channels: ['halkbank'], requests: 1, answers: { 200: 1 } });
  });

  it('serves IPv6', async () => {
    const up = await serve([work.labelDir, '--host', '[::1]']);
    expect(up.url).toBe(`http://[::1]:${up.port}/halkbank`);
    expect((await fetch(`${up.url}/manifest.json`)).status).toBe(200);
  });

  it('warns where others can reach it, and says what would help', async () => {
    const open = await serve([work.labelDir, '--host', '0.0.0.0']);
    expect(open.url).toBe(`http://${hostname()}:${open.port}/halkbank`);
    expect((await open.stop()).stderr).toMatch(
      /warning: serving on every address of this machine, to everybody .* --token-file or --basic-auth-file/,
    );
    const closed = await serve([work.labelDir, '--host', '::', '--token-env', 'SITE_TOKEN'], { SITE_TOKEN: TOKEN });
    expect((await closed.stop()).stderr).toMatch(
      /warning: serving on every address of this machine: token and passwords go over the line as they are/,
    );
    const own = await serve([work.labelDir]);
    const alone = (await own.stop()).stderr;
    expect(alone).not.toContain('warning');
    expect(alone).not.toContain('with the token');
  });

  it('says at its start what a client is given, without the token', async () => {
    const users = join(work.dir, 'users-of-the-start.txt');
    writeFileSync(users, 'anna:geheim-5e4d3c2b\n', { mode: 0o600 });
    const args = ['--token-env', 'SITE_TOKEN', '--basic-auth-file', users];
    for (const [dir, name] of [
      [work.labelDir, 'halkbank'],
      [work.root, 'halkbank'],
    ] as const) {
      const up = await serve([dir, ...args], { SITE_TOKEN: TOKEN });
      await expect.poll(() => up.printed()).toContain('with user and password');
      const { stderr } = await up.stop();
      expect(stderr).toContain(`with the token: http://127.0.0.1:${up.port}/t/<TOKEN>/${name}\n`);
      expect(stderr).toContain(
        `with user and password, as USER:PASSWORD@ before the host: http://127.0.0.1:${up.port}/${name}\n`,
      );
      expect(stderr).not.toMatch(/5e4d3c2b/);
    }
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)(
    'finishes what is under way after %s, and exits with 0',
    async (signal) => {
      const up = await serve([work.labelDir]);
      const socket = connect({ port: up.port, host: '127.0.0.1' });
      let got = '';
      socket.setEncoding('utf8').on('data', (text) => (got += text));
      socket.write('GET /manifest.json HTTP/1.1\r\nHost: x\r\n');
      const idle = connect({ port: up.port, host: '127.0.0.1' });
      await rawExchange(up.port, 'GET /noarch/repodata.json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
      up.child.kill(signal);
      await up.says('stopping');
      socket.write('\r\n');
      const ran = await up.ended;
      idle.destroy();
      expect(ran).toMatchObject({ exitCode: 0, signal: null });
      expect(statusesIn(got)).toEqual([200]);
      expect(got.endsWith('}\n')).toBe(true);
    },
  );

  describe('refuses', () => {
    const run = (...args: string[]): Promise<Ran> => work.run('repackenv', ['serve', ...args]);

    it('a port that is taken', async () => {
      const up = await serve([work.labelDir]);
      expectRefusal(await run(work.labelDir, '--port', String(up.port)), {
        code: 'E_PORT',
        says: [`where: 127.0.0.1:${up.port}`, '0 for a free one'],
      });
    });

    it.each(['70000', '-1', 'http', '80.5', ''])('--port %j', async (port) => {
      expectRefusal(await run(work.labelDir, '--port', port), { code: 'E_USAGE', says: ['--port'] });
    });

    it.each(['', ' ', '[]'])('--host %j, which is no address', async (host) => {
      expectRefusal(await run(work.labelDir, '--port', '0', '--host', host), { code: 'E_USAGE', says: ['--host'] });
    });

    it('an address that this machine has not, and a name that is none', async () => {
      expectRefusal(await run(work.labelDir, '--port', '0', '--host', '192.0.2.1'), {
        code: 'E_PORT',
        says: ['192.0.2.1:0'],
      });
      expectRefusal(await run(work.labelDir, '--port', '0', '--host', 'no such host'), { code: 'E_PORT' });
    });

    it('a folder that is no channel, and one that is not there', async () => {
      mkdirSync(join(work.dir, 'empty'), { recursive: true });
      for (const dir of [join(work.dir, 'empty'), join(work.dir, 'missing'), join(work.labelDir, 'manifest.json')])
        expectRefusal(await run(dir, '--port', '0'), { code: 'E_NOT_A_CHANNEL', says: [dir] });
    });

    it.each([
      ['nothing', ''],
      ['a line without a password', 'anna\n'],
      ['an empty password', 'anna:\n'],
      ['hashes of htpasswd', 'anna:$2y$05$abcdefghijklmnopqrstuv\n'],
    ])('a file of users with %s', async (_, text) => {
      const file = join(work.dir, 'bad-users.txt');
      writeFileSync(file, text);
      expectRefusal(await run(work.labelDir, '--port', '0', '--basic-auth-file', file), {
        code: 'E_CONFIG',
        says: [file],
        secret: text.slice(5).trim() || 'none',
      });
    });

    it('a file of users that is not there', async () => {
      expectRefusal(await run(work.labelDir, '--port', '0', '--basic-auth-file', join(work.dir, 'no-users')), {
        code: 'E_CONFIG',
      });
    });
  });
});
