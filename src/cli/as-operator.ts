import { hostname, userInfo } from 'node:os';
import { resolve } from 'node:path';
import { withOrigin } from '../audit/origin.ts';
import type { Principal } from '../auth/principal.ts';
import { systemPrincipal } from '../auth/system-principal.ts';
import { buildContext } from '../build-context.ts';
import type { Config } from '../config.ts';
import { type Embedded, startEmbedded } from '../db/embedded.ts';
import { jsonLog } from '../log/json-log.ts';
import type { TaskContext } from '../tasks/context.ts';
import { bringUp } from './bring-up.ts';
import { directUrl } from './connection.ts';
import { type AdminValues, openAdmin } from './open-admin.ts';

/** Whatever is done within is done by the system, and comes from who typed it. */
export function asCommand<T>(work: (principal: Principal) => Promise<T>): Promise<T> {
  const name = `${userInfo().username}@${hostname()}`;
  return withOrigin({ kind: 'command', name }, () => work(systemPrincipal('command')));
}

/** Opens the admin over its database, works, and closes it. */
export async function asOperator<T>(
  values: AdminValues,
  config: Config,
  work: (context: TaskContext, principal: Principal) => Promise<T>,
): Promise<T> {
  const opened = await openAdmin(values, config);
  let embedded: Embedded | null = null;
  if (!config.DATABASE_URL)
    embedded = await startEmbedded({
      folder: resolve(config.BULKHEAD_FOLDER),
      database: opened.database,
    });
  try {
    const connectionString = config.DATABASE_URL ?? (embedded?.connectionString as string);
    const admin = await bringUp(opened, config, connectionString);
    const { db, context } = await buildContext(
      directUrl(config, connectionString),
      config,
      admin,
      jsonLog(config.BULKHEAD_LOG_LEVEL),
    );
    try {
      return await asCommand((principal) => work(context, principal));
    } finally {
      await db.close();
    }
  } finally {
    await embedded?.stop();
  }
}
