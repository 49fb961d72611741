import { createHash } from 'node:crypto';
import { join, resolve } from 'node:path';
import sample from '../admin.ts';
import type { AdminDefinition } from '../admin-definition.ts';
import type { Config } from '../config.ts';
import { bringUpSchema } from './schema/bring-up-schema.ts';
import { generateSchema } from './schema/generate-schema.ts';
import { loadAdmin } from './schema/load-admin.ts';
import { defaultSchemaOf, prepareSchema } from './schema/prepare-schema.ts';
import { readSchema } from './schema/read-schema.ts';

/** Options of `start`, `serve` and `work` that say what is administered. */
export const adminOptions = { schema: { type: 'string' }, 'ignore-differences': { type: 'boolean' } } as const;

export interface OpenedAdmin {
  admin: AdminDefinition;
  /** Name of the embedded server's database: projects do not share one. */
  database: string;
  /** Makes the project's tables, or sees that they are as the schema says; after our own. Returns the admin of what is there. */
  bringUp(connectionString: string): Promise<AdminDefinition>;
}

/** Reads a schema, and has its client and metadata made where they are not yet. */
export async function openSchema(path: string, config: Config) {
  const schema = await readSchema(path);
  const defaultSchema = defaultSchemaOf(config.DATABASE_URL);
  const prepared = prepareSchema(schema.files, defaultSchema);
  const generated = await generateSchema(prepared.files, join(resolve(config.BULKHEAD_FOLDER), 'schemas'), () =>
    console.log(`Generating pages for ${schema.path} …`),
  );
  return { schema, defaultSchema, prepared, generated };
}

/** The project's admin: that of `src/admin.ts`, or with `--schema` one made of nothing but a Prisma schema. */
export async function openAdmin(
  values: { schema?: string | undefined; 'ignore-differences'?: boolean | undefined },
  config: Config,
): Promise<OpenedAdmin> {
  if (values.schema === undefined) return { admin: sample, database: 'bulkhead', bringUp: async () => sample };
  const { schema, defaultSchema, prepared, generated } = await openSchema(values.schema, config);
  const { admin, metadata } = await loadAdmin(schema.name, generated, defaultSchema);
  return {
    admin,
    database: `schema_${createHash('sha256').update(schema.path).digest('hex').slice(0, 16)}`,
    async bringUp(connectionString) {
      const missing = await bringUpSchema({
        connectionString,
        ownSchema: config.BULKHEAD_DATABASE_SCHEMA,
        defaultSchema,
        dbSchemas: prepared.dbSchemas,
        files: prepared.tables,
        metadata,
        isDifferenceIgnored: values['ignore-differences'] ?? false,
        say: (text) => console.log(text),
      });
      return { ...admin, resources: admin.resources.filter(({ model }) => !missing.includes(model)) };
    },
  };
}
