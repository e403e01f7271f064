import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openDeclaredWorkplace, type DeclaredWorkplace } from '../helpers/declared.js';
import { gate, type GatedUpstream } from '../helpers/gate.js';
import type { Ran } from '../helpers/programs.js';
import { PAPERS } from '../helpers/real-upstream.js';
import { expectRefusal } from '../helpers/refusals.js';
import { spellingsOf, tracesBelow } from '../helpers/secret-traces.js';
import { TOKEN } from '../helpers/upstream.js';

const SLOW = 180_000;
const PASSWORD = 's3nt1nel-of-a-login';
const IN_A_URL = 'xx-in.a+pip~url';
const CLIENT = '#!/bin/sh\n';

/** Token, login, and what stands in a URL of a pip section: in nothing that a customer gets. */
let work: DeclaredWorkplace;
let upstream: GatedUpstream;
beforeAll(async () => {
  work = await openDeclaredWorkplace(['bank']);
  upstream = await gate(work.upstream);
  upstream.lock(/^\/pkgs\/main\//, 'authorization', `Basic ${Buffer.from(`anna:${PASSWORD}`).toString('base64')}`);
});
afterAll(async () => {
  await work.close();
  await upstream.close();
});

function declare(reason: string): void {
  rmSync(work.root, { recursive: true, force: true });
  mkdirSync(work.root, { recursive: true });
  writeFileSync(join(work.root, 'micromamba-linux-64'), CLIENT);
  writeFileSync(
    join(work.root, 'environment.yml'),
    `dependencies:\n  - ratingpro\n  - pip:\n    - "mine @ https://anna:${IN_A_URL}@git.example/mine.whl"\n    - --extra-index-url=https://u:${IN_A_URL}@pypi.example/simple\n`,
  );
  const sha256 = createHash('sha256').update(CLIENT).digest('hex');
  const except = `except: [{packages: [pytho], reason: ${JSON.stringify(reason)}, until: 2999-01-31}]`;
  work.declare(
    `channel_logins: ["${new URL(upstream.url).host}=env:BASE_LOGIN"]\npolicies:\n  house: {deny: {packages: [pytho]}, ${except}}\nlabels:\n  bank:\n    token_env: CONDA_TOKEN\n    subdirs: linux-64\n    packages_file: environment.yml\n    policy: house\n    installers:\n      - {file: micromamba-linux-64, sha256: ${sha256}}\n`,
  );
}
const update = (): Promise<Ran> =>
  work.run('repackenv', ['update', 'bank', '--base-url', upstream.url, '--allow-pip-section'], {
    cwd: work.root,
    env: { BASE_LOGIN: `anna:${PASSWORD}`, CONDA_TOKEN: TOKEN },
  });

it(
  'papers, notes of policies, the list of installers and what lies beside hold no token and no login',
  async () => {
    declare('ticket 4711');
    const ran = await update();
    expect(ran.exitCode, ran.stderr).toBe(1);
    const label = join(work.root, 'bank');
    for (const paper of PAPERS) expect(readFileSync(join(label, paper), 'utf8').length).toBeGreaterThan(10);
    const changes = readFileSync(join(label, 'papers/CHANGES.md'), 'utf8');
    expect(changes).toContain('ticket 4711');
    expect(changes).toContain('`mine @ https://…`');
    expect(readFileSync(join(work.root, 'bank.INSTALL.md'), 'utf8')).toContain('micromamba-linux-64');
    rmSync(join(work.root, 'environment.yml'));
    for (const secret of [TOKEN, PASSWORD, `anna:${PASSWORD}`, IN_A_URL])
      expect(await tracesBelow(work.root, spellingsOf(secret)), secret).toEqual([]);
  },
  SLOW,
);

it.each([
  ['token', `opened by https://conda.example/t/${TOKEN}/acme`],
  ['login', `anna:${PASSWORD} may fetch it`],
])(
  'a reason in a policy that tells the %s is not published',
  async (_what, reason) => {
    declare(reason);
    expectRefusal(await update(), { code: 'E_SECRET_LEAK', secret: reason });
    expect(readdirSync(work.root)).not.toContain('bank.INSTALL.md');
  },
  SLOW,
);
