import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type AdminDefinition, defineAdmin } from '../../admin-definition.ts';
import type { Metadata } from '../../metadata/contract.ts';
import type { ClientParts, PrismaClientLike } from '../../resources/client.ts';
import { defineEveryResource } from '../../resources/every-model.ts';

/** Where a schema's generated code stands. */
export interface Generated {
  /** Folder of the Prisma client. */
  client: string;
  /** Folder of Bulkhead's metadata. */
  metadata: string;
}

/** The admin of a schema about which nothing was said: every model has its pages. */
export async function loadAdmin(
  name: string,
  generated: Generated,
  isFound = false,
): Promise<AdminDefinition> {
  const open = (folder: string, file: string): Promise<unknown> =>
    import(pathToFileURL(join(folder, file)).href);
  const { PrismaClient } = (await open(generated.client, 'client.ts')) as {
    PrismaClient: new (parts: ClientParts) => PrismaClientLike;
  };
  const { metadata } = (await open(generated.metadata, 'metadata.ts')) as { metadata: Metadata };
  return defineAdmin({
    name,
    createClient: (parts) => new PrismaClient(parts),
    resources: defineEveryResource(isFound ? { ...metadata, isFound } : metadata),
  });
}
