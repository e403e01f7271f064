import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { jsonSchema } from '../../../src/config/json-schema.js';
import { MIRROR_KEYS } from '../../../src/config/mirror-file/schema.js';
import { SETTINGS, SETTING_NAMES } from '../../../src/config/settings.js';
import { manual } from '../../helpers/readme.js';

const FIXTURES = new URL('../../fixtures/mirror/', import.meta.url);
const README = [...manual().values()].join('\n');
const EXAMPLES = [...README.matchAll(/```yaml\n(.*?)```/gs)].map(([, text]) => text!);
const example = (key: string): unknown => parse(EXAMPLES.find((text) => text.includes(`${key}:`))!);

const accepts = (of: 'config' | 'mirror', data: unknown): boolean =>
  z.fromJSONSchema(jsonSchema(of)).safeParse(data).success;

describe('the JSON Schema of repackenv.yml', () => {
  it('has every setting that can stand there, with its help, and the default where it is fixed', () => {
    const { properties, additionalProperties } = jsonSchema('config');
    const stated = SETTING_NAMES.flatMap((name) => {
      const { key, help } = SETTINGS[name];
      return key === undefined ? [] : [[key, help]];
    });
    const found = Object.entries(properties as Record<string, { description: string }>);
    const blocks = ['defaults', 'labels', 'policies'];
    expect(found.flatMap(([key, { description }]) => (blocks.includes(key) ? [] : [[key, description]]))).toEqual(
      stated,
    );
    expect(Object.keys(properties as object).slice(-3)).toEqual(blocks);
    expect(additionalProperties).toBe(false);
    expect(properties).toMatchObject({ max_index_mb: { type: 'integer', default: 450 }, engine: { default: 'auto' } });
  });

  it('accepts the README’s file, one text for a list, and refuses what the reader refuses', () => {
    expect(accepts('config', example('virtual_packages'))).toBe(true);
    expect(accepts('config', { channels: 'conda-forge', wait_lock: 30 })).toBe(true);
    for (const wrong of [{ chanels: ['x'] }, { adopt: true }, { engine: 'pixi' }, { client: 4.1 }, { wait_lock: -1 }])
      expect(accepts('config', wrong), JSON.stringify(wrong)).toBe(false);
  });
});

describe('the JSON Schema of a mirror file', () => {
  const whole = readdirSync(FIXTURES).filter((name) => name.endsWith('.yml') && !/dest-site|-key-in|-star/.test(name));

  it.each(whole)('accepts %s', (name) => {
    expect(accepts('mirror', parse(readFileSync(new URL(name, FIXTURES), 'utf8')))).toBe(true);
  });

  it('accepts the README’s file, and refuses what the reader refuses', () => {
    expect(accepts('mirror', example('license_blacklist'))).toBe(true);
    for (const wrong of [
      { dest_site: 'x' },
      { python: [3.1] },
      { latest: 0 },
      { latest: { per: 'name' } },
      { installers: [{ url: 'https://h/x.sh' }] },
      { channels: [{ url: 'https://h/c', tokn: true }] },
    ])
      expect(accepts('mirror', wrong), JSON.stringify(wrong)).toBe(false);
  });

  it('has every key with a description and an example that it accepts', () => {
    const properties = jsonSchema('mirror')['properties'] as Record<
      string,
      { description: string; examples: unknown[] }
    >;
    expect(Object.keys(properties)).toEqual(MIRROR_KEYS);
    for (const [key, { description, examples }] of Object.entries(properties)) {
      expect(description).toMatch(/\S/);
      expect(accepts('mirror', { [key]: examples[0] }), key).toBe(true);
    }
    expect(properties).toMatchObject({ mirror_dir: { default: '/opt/cas-mirror' }, shrink_limit: { default: 0.1 } });
  });
});
