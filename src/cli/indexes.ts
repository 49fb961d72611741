import { resolve } from 'node:path';
import { buildContext } from '../build-context.ts';
import type { Config } from '../config.ts';
import { type Embedded, startEmbedded } from '../db/embedded.ts';
import { jsonLog } from '../log/json-log.ts';
import {
  createIndexes,
  findWantedIndexes,
  type WantedIndexes,
} from '../selection/wanted-indexes.ts';
import { bringUp } from './bring-up.ts';
import { directUrl } from './connection.ts';
import { openAdmin } from './open-admin.ts';

export interface IndexOptions {
  admin?: string | undefined;
  schema?: string | undefined;
  database?: string | undefined;
  /** Without it nothing is created, only shown. */
  create?: boolean | undefined;
}

/**
 * Shows the indexes that searching and sorting the lists want and do not have, as SQL; creates them
 * where that is asked for.
 */
export async function indexes(
  { admin: file, schema, database, create }: IndexOptions,
  config: Config,
): Promise<void> {
  const opened = await openAdmin({ admin: file, schema, database }, config);
  let embedded: Embedded | null = null;
  if (!config.DATABASE_URL)
    embedded = await startEmbedded({
      folder: resolve(config.BULKHEAD_FOLDER),
      database: opened.database,
    });
  const connectionString = config.DATABASE_URL ?? (embedded?.connectionString as string);
  try {
    const admin = await bringUp(opened, config, connectionString);
    const { db, context } = await buildContext(
      directUrl(config, connectionString),
      config,
      admin,
      jsonLog(config.BULKHEAD_LOG_LEVEL),
    );
    try {
      const wanted = await findWantedIndexes(db.background, context.registry);
      if (!create) return console.log(inWords(wanted));
      const count = await createIndexes(db.background, wanted, ({ sql }) => console.log(sql));
      console.log(count === 1 ? '1 index was created.' : `${count} indexes were created.`);
    } finally {
      await db.close();
    }
  } finally {
    await embedded?.stop();
  }
}

function inWords({ extension, indexes: wanted }: WantedIndexes): string {
  if (wanted.length === 0) return 'The lists have every index that they want.';
  const lines = extension
    ? [`-- Search in the middle of texts${because(extension.obstacle)}`, extension.sql]
    : [];
  for (const { purpose, sql, obstacle } of wanted)
    lines.push(`-- ${purpose}${because(obstacle)}`, sql);
  return [
    ...lines,
    '',
    '-- Nothing was created. Put what you want into a migration of yours, or run this again with --create.',
  ].join('\n');
}

function because(obstacle: string | null): string {
  return obstacle ? ` (${obstacle})` : '';
}
