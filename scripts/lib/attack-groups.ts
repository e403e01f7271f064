/**
 * What `npm run attack` attacks, by group: test files, as beginnings of their paths. `test/attack/` makes its cases up, as many as are
 * asked for; the rest are tables. test/unit/scripts/attack-groups.test.ts sees that each file of `test/fault/` and `test/attack/` is in one.
 */
export const ATTACK_GROUPS: Readonly<Record<string, readonly string[]>> = {
  inputs: ['test/e2e/bad-', 'test/e2e/odd-names', 'test/e2e/options', 'test/unit/cli/arguments'],
  kill: [
    'test/fault/publish-kill',
    'test/fault/kill-run',
    'test/fault/import-kill',
    'test/fault/mirror-kill',
    'test/fault/doctor-kill',
    'test/fault/export-kill',
    'test/fault/fleet-kill',
    'test/fault/pool-kill',
    'test/fault/received-kill',
    'test/fault/rollback-kill',
    'test/fault/random-kills',
    'test/fault/early-signal',
    'test/fault/first-run',
    'test/fault/push-',
    'test/fault/queue-',
  ],
  disk: [
    'test/fault/publish-disk',
    'test/fault/disk-commands',
    'test/fault/small-disk',
    'test/fault/system-limits',
    'test/fault/cache-artifacts',
    'test/fault/internal-error',
    'test/fault/replaced-program',
  ],
  network: ['test/fault/network-', 'test/fault/mirror-network', 'test/attack/network'],
  concurrency: [
    'test/fault/publish-lock',
    'test/fault/publish-readers',
    'test/fault/serve-publishing',
    'test/attack/beside-publishing',
    'test/e2e/fleet',
  ],
  model: [
    'test/attack/model',
    'test/unit/delivery/model',
    'test/unit/media/carry-model',
    'test/unit/mirror/select/model',
  ],
  fuzz: ['test/attack/fuzz-', 'test/unit/channel/doctor/doctor-damage'],
  secrets: ['test/e2e/secrets', 'test/e2e/channel-logins', 'test/unit/base/secret-forms', 'test/unit/base/redact'],
  media: [
    'test/unit/media/import',
    'test/unit/media/merge',
    'test/e2e/import',
    'test/unit/channel/check',
    'test/e2e/signature',
  ],
  serve: ['test/attack/serve-', 'test/unit/serve', 'test/unit/runtime/public-server', 'test/e2e/serve'],
};
