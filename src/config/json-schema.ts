import { z } from 'zod';
import { CONFIG_SCHEMA } from './config-file.js';
import { MIRROR_SCHEMA } from './mirror-file/schema.js';

/** The JSON Schema (2020-12) of `repackenv.yml` or of a mirror file: of the zod schema by which it is read. */
export function jsonSchema(of: 'config' | 'mirror'): Record<string, unknown> {
  const { $schema, ...rest } = z.toJSONSchema(of === 'config' ? CONFIG_SCHEMA : MIRROR_SCHEMA, {
    io: 'input',
    override({ zodSchema, jsonSchema: made }) {
      // zod leaves them out where the value is worked on further: they might be of the result. Ours are as written.
      const { default: absent, examples } = z.globalRegistry.get(zodSchema) ?? {};
      Object.assign(made, absent !== undefined && { default: absent }, examples !== undefined && { examples });
      if (made.type !== 'array' || made.items === undefined) return;
      // One text stands for a list of one.
      const list = { type: made.type, items: made.items };
      delete made.type;
      delete made.items;
      made.anyOf = [list, list.items as z.core.JSONSchema.BaseSchema];
    },
  });
  return { $schema, title: of === 'config' ? 'repackenv.yml' : 'mirror file of repackenv', ...rest };
}
