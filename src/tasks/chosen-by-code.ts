import type { Principal } from '../auth/principal.ts';
import { query, sql } from '../db/sql.ts';
import { sqlstateOf } from '../db/sqlstate.ts';
import type { Where } from '../resources/client.ts';
import type { Resource } from '../resources/contract.ts';
import { askPrisma, invalidSelection, plainWhere } from '../resources/plain-where.ts';
import { filterTextOf } from '../selection/filter.ts';
import { type GivenKey, keysGiven } from '../selection/given-keys.ts';
import { selectionWhere, whereInScope } from '../selection/selection.ts';
import type { TaskContext } from './context.ts';
import type { TaskSelection } from './task-row.ts';

/** Which records code chooses: exactly one of `where`, `keys` and `filter`. */
export interface GivenSelection {
  /**
   * A Prisma `where`, of what JSON can say; dates and decimals are kept as texts. It is the code's
   * own, so that it may ask for fields that a person may not see; the row scope is added to it.
   */
  where?: Where;
  /** At most 10,000 keys or ids. */
  keys?: readonly GivenKey[];
  /** As in the address of a list: `status=draft`. Of fields that the principal may see. */
  filter?: string;
  /** Every record is meant where `where` or `filter` says nothing. */
  everything?: boolean;
}

export interface ChosenByCode {
  /** As the task keeps it. */
  selection: TaskSelection;
  /** With the row scope. */
  where: Where;
  kind: 'ticked' | 'matching';
  /** Where it is known without looking. */
  count: number | null;
}

/**
 * Reads what code chooses, and no record. Throws AppError 422 'invalid-selection' (details.field),
 * 'invalid-key', 'empty-selection', 'too-many-ticked', 'invalid-filter', 'too-many-values'.
 */
export async function chosenByCode(
  context: TaskContext,
  resource: Resource,
  principal: Principal,
  given: GivenSelection,
): Promise<ChosenByCode> {
  const said = (['where', 'keys', 'filter'] as const).filter((name) => given[name] !== undefined);
  if (said.length !== 1)
    throw invalidSelection(
      said[1] ?? 'where',
      said.length === 0
        ? 'is missing, as are keys and filter: say one of them'
        : `is said beside ${said[0]}: say one of them`,
    );
  const isEverything = given.everything === true;
  if (given.keys !== undefined) return ofKeys(resource, principal, given.keys);
  if (given.filter !== undefined)
    return ofFilter(context, resource, principal, given.filter, isEverything);
  return ofWhere(context, resource, principal, given.where, isEverything);
}

const needsEverything = 'says nothing, which means every record: add everything: true if you do';

function ofKeys(
  resource: Resource,
  principal: Principal,
  given: readonly GivenKey[],
): ChosenByCode {
  const keys = keysGiven(resource, given);
  const selected = { kind: 'ticked' as const, filter: '', keys };
  return {
    selection: { ...selected, isByCode: true },
    where: selectionWhere(resource, principal, { ...selected, exclusions: [] }),
    kind: 'ticked',
    count: keys.length,
  };
}

async function ofFilter(
  { registry }: TaskContext,
  resource: Resource,
  principal: Principal,
  given: string,
  isEverything: boolean,
): Promise<ChosenByCode> {
  const filter = filterTextOf(new URLSearchParams(given));
  if (filter === '' && !isEverything) throw invalidSelection('filter', needsEverything);
  const selected = {
    kind: 'matching' as const,
    filter,
    exclusions: [],
    asOf: new Date().toISOString(),
  };
  const where = selectionWhere(resource, principal, { ...selected, keys: [] });
  await registry.whereSql(resource.model, where);
  return { selection: { ...selected, isByCode: true }, where, kind: 'matching', count: null };
}

async function ofWhere(
  { db, registry }: TaskContext,
  resource: Resource,
  principal: Principal,
  given: unknown,
  isEverything: boolean,
): Promise<ChosenByCode> {
  const { metadata, model } = resource;
  const own = plainWhere(metadata, model, given);
  if (Object.keys(own).length === 0 && !isEverything)
    throw invalidSelection('where', needsEverything);
  const where = whereInScope(resource, principal, own);
  const found = await askPrisma(registry.whereSql, model, where);
  try {
    // What only PostgreSQL says of the values; no record is read.
    await query(db.pages, sql`select 1 from (${found}) found limit 0`);
  } catch (error) {
    if (!sqlstateOf(error)?.startsWith('22')) throw error;
    throw invalidSelection('where', `is not what PostgreSQL takes: ${(error as Error).message}`);
  }
  return {
    selection: { kind: 'where', filter: '', where: own, isByCode: true },
    where,
    kind: 'matching',
    count: null,
  };
}
