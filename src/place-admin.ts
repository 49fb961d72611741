import type { AdminDefinition } from './admin-definition.ts';
import { metadataIn } from './metadata/in-schema.ts';

/**
 * The same admin for a database whose tables without a Postgres schema of their own are in
 * `schema`.
 */
export function placeAdmin(admin: AdminDefinition, schema: string): AdminDefinition {
  return {
    ...admin,
    resources: admin.resources.map((definition) => ({
      ...definition,
      metadata: metadataIn(definition.metadata, schema),
    })),
  };
}
