import { expect, it } from 'vitest';
import { requestLine } from '../../../src/serve/request-line.js';

const ANSWERED = {
  client: '::1',
  method: 'GET',
  target: '/',
  agent: '',
  status: 200,
  bytes: 1,
  ms: 1.6,
  complete: true,
};

it.each([
  ['/t/xx-secret/a/noarch/repodata.json', '/t/<TOKEN>/a/noarch/repodata.json'],
  ['/%74/xx-secret/a', '/%74/<TOKEN>/a'],
  ['/T/xx-secret', '/T/<TOKEN>'],
  ['/t//xx-secret/a', '/t//<TOKEN>/a'],
  ['//t/xx-secret/a', '//t/<TOKEN>/a'],
  ['/t%2Fxx-secret%2fa', '/t%2F<TOKEN>%2fa'],
  ['/x%2ft/xx-secret/a', '/x%2ft/<TOKEN>/a'],
  ['t/xx-secret/a', 't/<TOKEN>/a'],
  ['/t\\xx-secret/a', '/t\\x5c<TOKEN>/a'],
  ['/t/%5cxx-secret', '/t/%5c<TOKEN>'],
  ['/t/./xx-secret/a', '/t/./<TOKEN>/a'],
  ['/t/%2e/.//%2E\\xx-secret/a', '/t/%2e/.//%2E\\x5c<TOKEN>/a'],
  ['/%54/xx-secret/a', '/%54/<TOKEN>/a'],
  ['/a/%2574/xx-secret/a', '/a/<TOKEN>'],
  ['/t%252fxx-secret/a', '/t<TOKEN>'],
  ['/t%25252f%252exx-secret/a', '/t<TOKEN>'],
  ['/t/xx-secret%2574/a', '/t/<TOKEN>/a'],
  ['http://me:xx%2574secret@host/a', 'http://<USER>@host/a'],
  ['http://me:xx-secret@host/t/xx-secret/a', 'http://<USER>@host/t/<TOKEN>/a'],
  ['http://me:xx@secret@host/a', 'http://<USER>@host/a'],
  ['//me:xx-secret@host/a', '//<USER>@host/a'],
  ['me:xx-secret@host:443', '<USER>@host:443'],
  ['/a?token=xx-secret', '/a'],
  ['/a#xx-secret', '/a'],
  ['/a\r\nforged line', '/a\\x0d\\x0aforged line'],
  ['/a"b\\c\u001b[31m', '/a\\x22b\\x5cc\\x1b[31m'],
])('logs %j as %s', (target, path) => {
  expect(requestLine({ ...ANSWERED, target }).path).toBe(path);
});

it('keeps a line short, and tells what did not get to its end', () => {
  const line = requestLine({ ...ANSWERED, target: `/${'a'.repeat(9000)}`, agent: 'b'.repeat(9000), complete: false });
  expect(line.path).toHaveLength(303);
  expect(line.agent).toHaveLength(83);
  expect(line).toMatchObject({ ms: 2, incomplete: true });
  expect(requestLine(ANSWERED)).not.toHaveProperty('incomplete');
});
