import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { escapeIdentifier } from 'pg';
import { commandLine } from '../command-line.ts';
import type { TaskContext } from '../tasks/context.ts';
import { finder, type HealthPart } from './finding.ts';

const found = finder('queue');

export const queueParts: readonly HealthPart[] = [
  { name: 'queue', check: 'queue', title: 'Tables of the queue', look: lookAtQueue },
];

let newest: Promise<number> | null = null;

/** Number of the last migration that the queue of this code brings. */
async function newestOfQueue(): Promise<number> {
  const main = createRequire(import.meta.url).resolve('graphile-worker');
  const names = await readdir(join(dirname(main), '../sql'));
  return Math.max(...names.map((name) => Number.parseInt(name, 10)).filter(Number.isInteger));
}

async function lookAtQueue({ db }: TaskContext) {
  newest ??= newestOfQueue();
  const wanted = await newest;
  const table = `${escapeIdentifier(db.queueSchema)}.migrations`;
  const { rows: there } = await db.background.query<{ isThere: boolean }>(
    'select to_regclass($1) is not null as "isThere"',
    [table],
  );
  const { rows } = there[0]?.isThere
    ? await db.background.query<{ id: number }>(`select max(id)::int as id from ${table}`)
    : { rows: [] };
  const at = rows[0]?.id ?? 0;
  const findings = [
    at < wanted &&
      found(
        'queue-old',
        at === 0
          ? 'The queue has no tables.'
          : `The tables of the queue are at ${at}, and this code is made for ${wanted}.`,
        `Run ${commandLine('migrate')}.`,
      ),
    at > wanted &&
      found(
        'queue-newer',
        `The tables of the queue are at ${at}, which is newer than the ${wanted} of this code.`,
        'Bring this process to the version of the others.',
      ),
  ];
  return { findings: findings.filter((one) => one !== false), note: `version ${at}` };
}
