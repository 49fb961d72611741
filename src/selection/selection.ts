import type { Principal } from '../auth/principal.ts';
import type { Database } from '../db/database.ts';
import { patientTransaction } from '../db/patient-transaction.ts';
import { AppError, notFound } from '../errors.ts';
import { limits, limitTexts } from '../limits.ts';
import { isKey, sortKeys, whereKeys } from '../metadata/keys.ts';
import type { Where } from '../resources/client.ts';
import type { Resource, ResourceRegistry } from '../resources/contract.ts';
import { countExactly } from './count.ts';
import { buildWhere } from './where.ts';

/**
 * Which records: ticked keys, or everything that matches a filter less exclusions. Kept on the
 * server, owned by one person.
 */
export interface Selection {
  id: string;
  kind: 'ticked' | 'matching';
  filter: string;
  keys: string[];
  exclusions: string[];
  version: number;
}

/** The part that says which records, without the row it is kept in. */
export type Selected = Pick<Selection, 'kind' | 'filter' | 'keys' | 'exclusions'> & {
  /** ISO timestamp from which its filter counts back. Default: now. */
  asOf?: string;
};

const columns = 'id, kind, filter, keys, exclusions, version';
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Not found, of another resource, and somebody else's are the same 404. */
export async function getSelection(
  db: Database,
  principal: Principal,
  resource: Resource,
  id: string,
): Promise<Selection> {
  const found = await findSelection(db, principal, resource, id);
  if (!found) throw notFound();
  return found;
}

export async function findSelection(
  db: Database,
  principal: Principal,
  resource: Resource,
  id: string,
): Promise<Selection | null> {
  if (!uuid.test(id)) return null;
  const { rows } = await db.pages.query<Selection>(
    `select ${columns} from ${db.t.selection} where id = $1 and owner_id = $2 and resource = $3`,
    [id, principal.id, resource.slug],
  );
  return rows[0] ?? null;
}

export async function createSelection(
  db: Database,
  principal: Principal,
  resource: Resource,
  selected: Selected,
): Promise<Selection> {
  assertKeys(resource, [...selected.keys, ...selected.exclusions]);
  const { rows } = await db.pages.query<Selection>(
    `insert into ${db.t.selection} (id, owner_id, resource, kind, filter, keys, exclusions)
     values (gen_random_uuid(), $1, $2, $3, $4, $5, $6) returning ${columns}`,
    [
      principal.id,
      resource.slug,
      selected.kind,
      selected.filter,
      sortKeys(selected.keys),
      sortKeys(selected.exclusions),
    ],
  );
  return rows[0] as Selection;
}

/**
 * Adds and removes ticks in one statement: explicit, so that doing it twice is doing it once. The
 * version moves only on a real change.
 */
export async function changeTicks(
  db: Database,
  principal: Principal,
  resource: Resource,
  id: string,
  { add = [], remove = [] }: { add?: readonly string[]; remove?: readonly string[] },
): Promise<Selection> {
  assertKeys(resource, [...add, ...remove]);
  const rows = await write<Selection & { is_full: boolean }>(
    db,
    `with old as (
       select * from ${db.t.selection} where id = $1 and owner_id = $2 and resource = $3 for update
     ), next as (
       select id,
         case when kind = 'ticked' then array(select k from (select unnest(keys || $4::text[]) collate "C" except select unnest($5::text[]) collate "C") s(k) order by k) else keys end as keys,
         case when kind = 'matching' then array(select k from (select unnest(exclusions || $5::text[]) collate "C" except select unnest($4::text[]) collate "C") s(k) order by k) else exclusions end as exclusions
       from old
     ), fits as (
       select * from next where cardinality(keys) <= $6 and cardinality(exclusions) <= $6
     ), changed as (
       update ${db.t.selection} s set keys = fits.keys, exclusions = fits.exclusions, version = s.version + 1, updated_at = now()
       from fits, old where s.id = fits.id and old.id = s.id and (fits.keys <> old.keys or fits.exclusions <> old.exclusions)
       returning s.*
     )
     select ${columns}, not exists (select 1 from fits) as is_full from changed
     union all select ${columns}, not exists (select 1 from fits) from old where not exists (select 1 from changed)`,
    [id, principal.id, resource.slug, add, remove, limits.bulk.ticked],
  );
  const selection = rows[0];
  if (!selection) throw notFound();
  if (selection.is_full) {
    throw tooManyTicked();
  }
  return selection;
}

/** Makes a selection into "everything that matches", holding the filter and no keys. */
export async function selectMatching(
  db: Database,
  principal: Principal,
  resource: Resource,
  id: string,
  filter: string,
): Promise<Selection> {
  const rows = await write<Selection>(
    db,
    `update ${db.t.selection} set kind = 'matching', filter = $4, keys = '{}', exclusions = '{}', version = version + 1, updated_at = now()
     where id = $1 and owner_id = $2 and resource = $3 returning ${columns}`,
    [id, principal.id, resource.slug, filter],
  );
  if (!rows[0]) throw notFound();
  return rows[0];
}

/** Leaves nothing selected. */
export async function clearSelection(
  db: Database,
  principal: Principal,
  resource: Resource,
  id: string,
): Promise<Selection> {
  const rows = await write<Selection>(
    db,
    `update ${db.t.selection} set kind = 'ticked', filter = '', keys = '{}', exclusions = '{}', version = version + 1, updated_at = now()
     where id = $1 and owner_id = $2 and resource = $3 returning ${columns}`,
    [id, principal.id, resource.slug],
  );
  if (!rows[0]) throw notFound();
  return rows[0];
}

/** Writes to a selection's row, which another tab may hold. */
async function write<R extends Selection>(
  { pages }: Database,
  sql: string,
  values: unknown[],
): Promise<R[]> {
  return patientTransaction(
    pages,
    limitTexts.heldSelection,
    async (client) => (await client.query<R>(sql, values)).rows,
  );
}

export function isSelected(selection: Selected, key: string): boolean {
  return selection.kind === 'ticked'
    ? selection.keys.includes(key)
    : !selection.exclusions.includes(key);
}

/** The predicate of a selection, row scope inside. An empty one is an error, never "everything". */
export function selectionWhere(
  resource: Resource,
  principal: Principal,
  selected: Selected,
): Where {
  if (selected.kind === 'ticked') {
    if (selected.keys.length === 0)
      throw new AppError('empty-selection', 422, 'Nothing is selected.');
    return { AND: [buildWhere(resource, principal, ''), whereKeys(resource.model, selected.keys)] };
  }
  const matching = buildWhere(
    resource,
    principal,
    selected.filter,
    selected.asOf === undefined ? {} : { now: new Date(selected.asOf) },
  );
  return selected.exclusions.length === 0
    ? matching
    : { AND: [matching, { NOT: whereKeys(resource.model, selected.exclusions) }] };
}

/** Those of a `where` that are in the principal's row scope. */
export function whereInScope(resource: Resource, principal: Principal, where: Where): Where {
  return { AND: [buildWhere(resource, principal, ''), where] };
}

/** How many records it is about now. */
export async function countSelection(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  selected: Selected,
): Promise<number> {
  if (selected.kind === 'ticked' && selected.keys.length === 0) return 0;
  const matching = await registry.whereSql(
    resource.model,
    selectionWhere(resource, principal, selected),
  );
  return (await countExactly(registry.client, resource, matching)).value;
}

function tooManyTicked(): AppError {
  return new AppError('too-many-ticked', 422, limitTexts.ticked);
}

function assertKeys(resource: Resource, keys: readonly string[]): void {
  if (keys.length > limits.bulk.ticked) throw tooManyTicked();
  if (keys.some((key) => !isKey(resource.model, key))) {
    throw new AppError(
      'invalid-key',
      422,
      `This is not a record of ${resource.label.toLowerCase()}. Nothing was selected.`,
    );
  }
}
