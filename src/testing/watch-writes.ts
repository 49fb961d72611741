import type pg from 'pg';
import type { FieldMeta, ModelMeta } from '../metadata/contract.ts';
import { journal } from '../operations/journal-kind.ts';
import { builtIn } from '../operations/operations.ts';
import { countDrawn, type Drawable, type DrawnCauses } from './drawn-causes.ts';
import { fateOfHeld, type Hold, holdOnly, holds, ruleSql } from './holding.ts';
import type { OddTable } from './odd-tables.ts';
import { seededRandom } from './random.ts';

/** Tables that are odd, in the Postgres schema of their `held`. */
export interface OddSchema {
  schema: string;
  tables: readonly OddTable[];
}

export interface WritesSeen {
  /** Of the answer. */
  status: number;
  /** Tasks that the request made and that have ended. */
  tasks: readonly { operation: string; changed: number }[];
}

export interface WriteWatch {
  drawn: DrawnCauses;
  /** How many requests wrote, and how many were kept from a record that they were about. */
  wrote: number;
  kept: number;
  /**
   * Puts something in the way of a record, by the number of the request; what it returns says what
   * was wrong with the writes.
   */
  begin(
    index: number,
    model: ModelMeta,
    record: string | null,
  ): Promise<(written: WritesSeen) => Promise<string | null>>;
}

type TableRows = ReadonlyMap<string, string>;
type Rule = 'instead' | 'besides' | null;

/**
 * Compares what an answer says with what stands in the table, read by a connection of the tests'
 * own (the tables' owner's) before and after: an error wrote nothing, a task changed as many as it
 * says, a form one, and what the database holds back stays.
 */
export async function watchWrites(
  client: pg.Client,
  seed: number,
  odd: OddSchema,
): Promise<WriteWatch> {
  await client.query('create schema as_it_was');
  for (const { of, table } of odd.tables)
    await client.query(`create table as_it_was."${of}" as select * from only ${table}`);
  const watch: WriteWatch = { drawn: countDrawn(), wrote: 0, kept: 0, begin };
  return watch;

  async function begin(index: number, model: ModelMeta, record: string | null) {
    const random = seededRandom(seed + index);
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
    const table = odd.tables.find(({ of }) => of === model.name);
    const hold = table && record !== null ? pick<Hold | null>([null, ...holds]) : null;
    const rule = table ? pick<Rule>([...Array(8).fill(null), 'instead', 'besides']) : null;
    if (table && record !== null && hold)
      await holdOnly(client, odd.schema, table.of, [[record, hold]]);
    if (table && rule) await client.query(ruleSql[rule](table.table));
    const before = await read(model);
    const row = (record !== null && before.get(record)) || '';
    watch.drawn.draw(drawnBy(table, hold, rule, row));
    return async (written: WritesSeen) => {
      const after = await read(model);
      if (table && rule) await client.query(ruleSql.none(table.table));
      if (hold) await client.query(`delete from ${odd.schema}.held`);
      const differ = [...before].filter(([id, text]) => after.get(id) !== text).map(([id]) => id);
      const made = [...after.keys()].filter((id) => !before.has(id));
      if (differ.length + made.length > 0) watch.wrote += 1;
      else if (hold && written.status >= 400) watch.kept += 1;
      if (table && after.size < before.size && after.size < 3) await refill(table);
      return whatIsUntold(model, { before, after, differ, made, hold, rule, record, ...written });
    };
  }

  async function read(model: ModelMeta): Promise<TableRows> {
    const id = model.idFields
      .map((name) => `t.${(model.fields[name] as FieldMeta).column}::text`)
      .join(` || '/' || `);
    const { rows } = await client.query<{ id: string; row: string }>(
      `select ${id} as id, t::text as row from ${model.table} t`,
    );
    return new Map(rows.map(({ id, row }) => [id, row]));
  }

  async function refill({ of, table }: OddTable): Promise<void> {
    await client.query(
      `delete from only ${table}; insert into ${table} select * from as_it_was."${of}"`,
    );
  }
}

function drawnBy(
  table: OddTable | undefined,
  hold: Hold | null,
  rule: Rule,
  row: string,
): Drawable[] {
  const isOfLists = table?.of === 'ScalarList';
  return [
    ...(table?.is ?? []),
    ...(hold ? [hold] : []),
    ...(rule ? (['rule'] as const) : []),
    ...(isOfLists && row.includes('NULL') ? (['list with empty places'] as const) : []),
    ...(isOfLists && row.includes('{{') ? (['list of lists'] as const) : []),
  ];
}

interface Outcome extends WritesSeen {
  before: TableRows;
  after: TableRows;
  /** Ids of records that are gone or others than before, and of new ones. */
  differ: readonly string[];
  made: readonly string[];
  hold: Hold | null;
  rule: Rule;
  record: string | null;
}

function whatIsUntold(
  model: ModelMeta,
  { after, differ, made, hold, rule, record, status, tasks }: Outcome,
): string | null {
  const gone = differ.filter((id) => !after.has(id));
  const said = `${differ.length} changed or gone (${gone.length}), ${made.length} new`;
  if (status >= 400 && differ.length + made.length > 0)
    return `answered ${status}, and wrote: ${said}`;
  if (hold && record !== null && differ.includes(record)) {
    const written = gone.includes(record) ? journal.deleted : journal.changed;
    if (fateOfHeld(hold, written) !== 'passes')
      return `wrote record ${record} in spite of a ${hold}`;
  }
  if (rule === 'instead' && differ.length > 0) return `wrote in spite of a rule: ${said}`;
  const [task, ...more] = tasks;
  if (more.length > 0) return `made ${tasks.length} tasks`;
  if (!task)
    return differ.length + made.length > 1 && !leadsToItself(model)
      ? `wrote more than one record: ${said}`
      : null;
  const isDelete = builtIn.some(
    ({ kind, writes }) => kind === task.operation && writes === journal.deleted,
  );
  const isExact =
    isDelete ||
    Object.values(model.fields).every(({ relation }) => relation?.kind !== 'many-to-many');
  const count = isDelete ? gone.length : differ.length;
  const isTold = isExact ? task.changed === count : task.changed >= count;
  return isTold ? null : `says that ${task.changed} were changed by its ${task.operation}: ${said}`;
}

/** Deleting one of its records writes others of the same table. */
function leadsToItself({ name, fields }: ModelMeta): boolean {
  return Object.values(fields).some(({ relation }) => relation?.model === name);
}
