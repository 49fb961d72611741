import { empty, join, raw, type Sql, type Statement, sql, statementOf } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import { givenKeys, type HeldKeys, type KeySet, keySql } from '../../metadata/key-sql.ts';
import { appliedBy } from '../applied-by.ts';
import {
  type DeletedCascade,
  deletedCascade,
  keepCascade,
  lockCascade,
  type Taking,
} from '../cascade/cascade.ts';
import { findCascade } from '../cascade/dependants.ts';
import { leadsToItself } from '../cascade/foreign-keys.ts';
import type { ApplyCounts, ApplyTarget, Operation, StatementRow } from '../contract.ts';
import { inHalves, sumOf } from '../in-halves.ts';
import { lastImage, lastValues } from '../journal/images.ts';
import { insertChange } from '../journal/journal-entry.ts';
import { byColumn } from '../journal/kept-images.ts';
import { journal } from '../journal-kind.ts';
import { keptBack, presentKeys, without } from '../refusals/kept-back.ts';
import { deleteWords } from '../words.ts';
import { deletePath } from '../write-path.ts';
import { columnCount, listColumns } from './columns.ts';
import { deletePerRecord } from './delete-per-record.ts';

export interface DeleteParameters {
  /** One record, by its own delete page. */
  isForm?: boolean;
}

/** As many as a preview tries, so that what it says comes about. */
const maxTogether = 1_000;

const noCascade: DeletedCascade = { dependants: [] };

/** Deletes records and keeps their last image. */
export const deleteOperation: Operation<DeleteParameters> = {
  kind: 'delete',
  offer: {
    path: 'bulk-delete',
    icon: 'trash-2',
    tone: 'danger',
    view: 'bulk/delete',
    isAcknowledged: true,
    on: ['selection'],
  },
  words: deleteWords,
  action: 'bulk-delete',
  actionOf: ({ isForm }) => (isForm ? 'delete' : 'bulk-delete'),
  writes: journal.deleted,
  writePath: deletePath,
  scopeMove: () => 'leaves',
  parse: () => ({}),
  title: (resource) => `Delete ${resource.label.toLowerCase()}`,
  describe: (_resource, { isForm }) => [isForm ? 'Delete the record' : 'Delete the records'],
  ...byRoundTrips(noCascade),
  async prepared({ client, registry, resource, holdersOf }) {
    const cascade = await findCascade(client, registry, resource.model);
    const together = (await leadsToItself(client, resource.model.table))
      ? { together: maxTogether }
      : {};
    if (!cascade.isKept)
      return {
        ...deleteOperation,
        ...together,
        ...byRoundTrips({ dependants: [], cascadeKept: null }),
      };
    const { dependants } = cascade;
    if (dependants.length === 0) {
      const columns = await listColumns(client, resource.model.table);
      return {
        ...deleteOperation,
        ...together,
        held: (target, keys) =>
          target.through ? null : heldDelete(target, keys, noCascade, columns),
      };
    }
    return {
      ...appliedBy(deleteOperation, (client, target, keys) =>
        deleteWithCascade(client, target, keys, { dependants, holdersOf }),
      ),
      ...together,
      firstRows: 10,
    };
  },
};

function byRoundTrips(
  cascade: DeletedCascade,
): Pick<Operation<DeleteParameters>, 'apply' | 'statement' | 'settle'> {
  return {
    apply: (client, target, keys) => deleteRecords(client, target, keys, cascade),
    statement: (target, keys) => (target.through ? null : deleteStatement(target, keys, cascade)),
    settle: settleDelete,
  };
}

/** The database takes them along; what they were is kept before. */
async function deleteWithCascade(
  client: Queryable,
  target: ApplyTarget,
  keys: readonly string[],
  taking: Taking,
): Promise<ApplyCounts> {
  const { free, conflicts, isTooMany } = await lockCascade(
    client,
    target.resource.model,
    taking,
    keys,
  );
  if (isTooMany && keys.length > 1)
    return inHalves(keys, (half) => deleteWithCascade(client, target, half, taking));
  const cascade = deletedCascade(taking.dependants, isTooMany);
  const counts =
    free.length === 0
      ? { changed: 0, unchanged: 0, gone: 0 }
      : await deleteRecords(client, target, free, cascade);
  return { ...counts, conflicts };
}

async function deleteRecords(
  client: Queryable,
  target: ApplyTarget,
  keys: readonly string[],
  cascade: DeletedCascade,
): Promise<ApplyCounts> {
  const deleteSet = async (): Promise<ApplyCounts> => {
    await keepCascade(client, target, cascade.dependants, keys);
    const statement = deleteStatement(target, keys, cascade);
    const { rows } = await client.query<StatementRow>(statement.text, statement.values);
    const { changed = 0, written = null } = rows[0] ?? {};
    const deleted: ApplyCounts = { changed, unchanged: 0, gone: 0 };
    return written === null
      ? deleted
      : sumOf(deleted, await settleDelete(client, target, without(keys, written)));
  };
  return target.through
    ? deletePerRecord(client, target, target.through, keys, cascade, deleteSet)
    : deleteSet();
}

/** Of records that were not deleted: no longer there, or kept back. */
async function settleDelete(
  client: Queryable,
  { resource: { model } }: ApplyTarget,
  keys: readonly string[],
): Promise<ApplyCounts> {
  const present = await presentKeys(client, model, keys);
  const gone = keys.length - present.length;
  return {
    changed: 0,
    unchanged: 0,
    gone,
    ...(present.length > 0 && { refusals: [keptBack(present)] }),
  };
}

function deleteStatement(
  target: ApplyTarget,
  keys: readonly string[],
  cascade: DeletedCascade,
): Statement {
  const given = givenKeys(target.resource.model, keys);
  return statementOf(
    sql`${deleteParts(target, given, cascade)}
      select changed, case when not is_all then coalesce(keys, '{}') end as written from counted`,
  );
}

/**
 * The same over keys that the server holds: its row is as `Operation.held` says. The images are kept
 * by column, whose names were read before: where there are others now, somebody else must look.
 */
function heldDelete(
  target: ApplyTarget,
  keys: HeldKeys,
  cascade: DeletedCascade,
  columns: readonly string[],
): Sql {
  const { model } = target.resource;
  const plain = sql`select changed, 0 as unchanged, 0 as gone, not is_all as is_left from counted`;
  if (!target.keepsByColumn) return sql`${deleteParts(target, keys, cascade)} ${plain}`;
  const values = lastValues(model, 't', columns, keys.ids);
  const places = values.map((_, index) => raw(`v${index}`));
  const returned = values.map(([, value], index) => sql`${raw(value)} as ${places[index]}`);
  const before = (order: Sql) =>
    byColumn(
      values.map(([name, , isList], index) => [name, places[index] ?? empty, isList]),
      order,
    );
  const count = raw(`${columnCount(model.table)} <> ${columns.length}`);
  return sql`${deleteParts(target, keys, cascade, (order) => ({ returned: join(returned), before: before(order) }))}
    select changed, 0 as unchanged, 0 as gone, not is_all or ${count} as is_left from counted`;
}

function deleteParts(
  target: ApplyTarget,
  { condition, count, byId }: KeySet,
  { cascadeKept }: DeletedCascade,
  imageBy: (order: Sql) => { returned: Sql; before: Sql } = (order) => ({
    returned: raw(`${lastImage(target.resource.model, 't')} as before`),
    before: sql`jsonb_agg(before order by ${order})`,
  }),
): Sql {
  const { model } = target.resource;
  const change = insertChange(target, {
    kind: journal.deleted,
    fields: raw(`'{}'`),
    keys: raw('keys'),
    firstKey: raw('keys[1]'),
    before: raw('before'),
    cascadeKept,
  });
  const order = raw(byId ? 'id' : 'key');
  const image = imageBy(order);
  const own = byId ? `t.${byId.column}` : `${keySql(model, 't')} collate "C"`;
  return sql`with deleted as (
        delete from ${raw(model.table)} t where ${condition} returning ${raw(own)} as ${order}, ${image.returned}
      ), gathered as (
        select array_agg(${order} order by ${order}) as listed, ${image.before} as before from deleted
      ), images as (
        select ${byId ? byId.keysOf('listed') : raw('listed')} as keys, before from gathered
      ), journal as (${change} from images where cardinality(keys) > 0), counted as (
        select keys, coalesce(cardinality(keys), 0)::int as changed, coalesce(cardinality(keys), 0) = ${count} as is_all from images
      )`;
}
