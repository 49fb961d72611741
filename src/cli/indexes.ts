import type { Config } from '../config.ts';
import {
  createIndexes,
  findWantedIndexes,
  type WantedIndexes,
} from '../selection/wanted-indexes.ts';
import { asOperator } from './as-operator.ts';
import { say } from './command.ts';
import type { AdminValues } from './open-admin.ts';

export interface IndexOptions extends AdminValues {
  /** Without it nothing is created, only shown. */
  create?: boolean | undefined;
}

/**
 * Shows the indexes that searching and sorting the lists want and do not have, as SQL; creates them
 * where that is asked for.
 */
export function indexes({ create, ...values }: IndexOptions, config: Config): Promise<unknown> {
  return asOperator(values, config, async ({ db, registry }) => {
    const wanted = await findWantedIndexes(db.background, registry);
    if (!create) {
      say(inWords(wanted));
      return { created: 0, ...wanted };
    }
    const created = await createIndexes(db.background, wanted, ({ sql }) => say(sql));
    say(created === 1 ? '1 index was created.' : `${created} indexes were created.`);
    return { created, ...wanted };
  });
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
