import type { Database } from '../db/database.ts';
import { raw, type Sql, sql } from '../db/sql.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { idFieldsOf } from '../metadata/model-fields.ts';
import type { Where } from '../resources/client.ts';
import type { Resource, ResourceRegistry } from '../resources/contract.ts';
import { type ForeignKey, readForeignKeys } from './cascade/foreign-keys.ts';
import {
  chosenPlaces,
  follow,
  inSnapshot,
  type PatientQuery,
  type PlacesByTable,
  patiently,
  pointing,
  rootId,
} from './cascade/key-walk.ts';
import type { FieldEdit } from './field-edit.ts';
import { journal } from './journal-kind.ts';
import { editsOf, findOperation } from './operations.ts';

/** Longest that counting takes, in milliseconds; what takes longer counts as many. */
const maxWaitMs = 1_000;

export interface PlannedWrite {
  operation: string;
  /** As `Operation.parse` made them; undefined: not known yet. */
  parameters: unknown;
  /** The records, in the principal's scope. */
  where: Where;
  /** How many they are. */
  count: number;
}

/**
 * How many other rows an operation writes along with its records, by the rules of the database:
 * what goes with a deleted record, what no longer leads to it, what follows a key that is changed;
 * and links. At most `max` are looked at, so it costs no more than those.
 */
export async function countCascade(
  db: Database,
  registry: ResourceRegistry,
  resource: Resource,
  { operation, parameters, where, count }: PlannedWrite,
  max: number,
): Promise<number> {
  if (max <= 0 || count === 0) return 0;
  const edits = editsOf(resource, { operation, parameters });
  const links = linksWritten(resource.model, edits, count);
  const isDelete = findOperation(resource, operation)?.writes === journal.deleted;
  const written = isDelete ? null : changedColumns(resource.model, edits);
  if (written?.size === 0 && links.cut.length === 0) return Math.min(max, links.added);
  if (written && links.cut.length === 0 && !(await isFollowed(db, resource.model)))
    return Math.min(max, links.added);
  const matching = await registry.whereSql(resource.model, where);
  return inSnapshot(db, maxWaitMs, async (client) => {
    const look = patiently(client);
    const keys = await readForeignKeys(client);
    const root = rootId(keys, resource.model);
    const chosen = await chosenPlaces(look, resource.model, matching, count + max);
    if (chosen === null) return max;
    const rows: PlacesByTable = new Map([[root, chosen]]);
    const found = written
      ? await following(look, keys, rows, root, written, max)
      : await goingOrCleared(look, keys, rows, root, max);
    const cut = await linksOf(look, links.cut, resource.model, matching, max);
    return Math.min(max, found + cut + links.added);
  });
}

/**
 * Does any foreign key follow this model's key when it is changed? Asked first, because hardly any
 * does.
 */
async function isFollowed(db: Database, { table }: ModelMeta): Promise<boolean> {
  const { rows } = await db.pages.query<{ isFollowed: boolean }>(
    `select exists (select from pg_constraint where contype = 'f' and confrelid = to_regclass($1) and confupdtype in ('c', 'n', 'd')) as "isFollowed"`,
    [table],
  );
  return rows[0]?.isFollowed === true;
}

const sizeOf = (rows: PlacesByTable) => [...rows.values()].reduce((sum, all) => sum + all.size, 0);

async function goingOrCleared(
  look: PatientQuery,
  keys: readonly ForeignKey[],
  rows: PlacesByTable,
  root: string,
  max: number,
): Promise<number> {
  const own = sizeOf(rows);
  if (!(await follow(look, keys, rows, root, own + max))) return max;
  let cascadeCount = sizeOf(rows) - own;
  for (const key of keys) {
    const at = rows.get(key.target);
    if (key.action !== 'clear' || !at || at.size === 0 || cascadeCount >= max) continue;
    const cleared = await pointing(
      look,
      key,
      at,
      rows.get(key.source) ?? new Set(),
      max - cascadeCount,
    );
    if (cleared === null) return max;
    cascadeCount += cleared.length;
  }
  return cascadeCount;
}

/** Rows whose foreign key follows a key that is changed, and those that follow these. */
async function following(
  look: PatientQuery,
  keys: readonly ForeignKey[],
  rows: PlacesByTable,
  root: string,
  columns: ReadonlySet<string>,
  max: number,
): Promise<number> {
  let level = [{ table: root, at: rows.get(root) ?? new Set<string>(), columns }];
  const seen: PlacesByTable = new Map(rows);
  let cascadeCount = 0;
  while (level.length > 0) {
    const next: typeof level = [];
    for (const { table, at, columns: written } of level) {
      const followers = keys.filter(
        (key) =>
          key.followsUpdates &&
          key.target === table &&
          key.targetColumns.some((name) => written.has(name)),
      );
      for (const key of followers) {
        if (at.size === 0) continue;
        const known = seen.get(key.source) ?? new Set<string>();
        const found = await pointing(look, key, at, known, max - cascadeCount);
        if (found === null || cascadeCount + found.length >= max) return max;
        cascadeCount += found.length;
        seen.set(key.source, new Set([...known, ...found]));
        next.push({ table: key.source, at: new Set(found), columns: new Set(key.columns) });
      }
    }
    level = next;
  }
  return cascadeCount;
}

function changedColumns(model: ModelMeta, edits: readonly FieldEdit[]): Set<string> {
  return new Set(edits.flatMap(({ field }) => model.fields[field]?.dbColumn ?? []));
}

interface Links {
  added: number;
  /**
   * Join tables out of which the records' links are taken, with the column that holds the records.
   */
  cut: { table: string; column: string }[];
}

function linksWritten(model: ModelMeta, edits: readonly FieldEdit[], count: number): Links {
  const links: Links = { added: 0, cut: [] };
  for (const { field, change, value } of edits) {
    const relation = model.fields[field]?.relation;
    if (!relation?.joinTable) continue;
    if (change !== 'clear') links.added += count * (Array.isArray(value) ? value.length : 1);
    if (change === 'clear' || change === 'replace')
      links.cut.push({ table: relation.joinTable, column: relation.ownColumn as string });
  }
  return links;
}

async function linksOf(
  look: PatientQuery,
  cut: Links['cut'],
  model: ModelMeta,
  chosen: Sql,
  max: number,
): Promise<number> {
  let found = 0;
  for (const { table, column } of cut) {
    const id = idFieldsOf(model)[0]?.column;
    const rows = await look<{ one: number }>(
      sql`select 1 as one from ${raw(`${table} l where l.${column} in (select chosen.${id}`)} from (${chosen}) chosen) limit ${raw(String(max))}`,
    );
    if (rows === null) return max;
    found += rows.length;
  }
  return found;
}
