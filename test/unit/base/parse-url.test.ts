import { expect, it } from 'vitest';
import { parseUrl } from '../../../src/base/parse-url.js';

it.each([
  ['https://bücher.example/x', undefined, 'https://xn--bcher-kva.example/x'],
  ['https://srv.example/wïn', undefined, 'https://srv.example/w%C3%AFn'],
  ['../ü', 'https://srv.example/a/b/', 'https://srv.example/a/%C3%BC'],
  ['', 'https://srv.example/a/', 'https://srv.example/a/'],
  ['srv.example/x', undefined, undefined],
  ['https://', undefined, undefined],
  ['http://[::1', 'https://srv.example/', undefined],
])('%j from %j, also after thousands of others', (text, base, href) => {
  for (let others = 0; others < 20_000; others += 1) parseUrl('https://srv.example/x');
  expect(parseUrl(text, base)?.href).toBe(href);
});
