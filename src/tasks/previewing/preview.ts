import type { QueryResult, QueryResultRow } from 'pg';
import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import type { TableNames } from '../../db/names.ts';
import { patientTransaction } from '../../db/patient-transaction.ts';
import { AppError } from '../../errors.ts';
import { limits, limitTexts } from '../../limits.ts';
import { sortKeys } from '../../metadata/keys.ts';
import { assertMayBegin, getOperation } from '../../operations/operations.ts';
import { snapshotSql } from '../../operations/since-preview.ts';
import { inlineName } from '../../queue/backend.ts';
import type { Resource } from '../../resources/contract.ts';
import {
  countSelection,
  getSelection,
  type Selected,
  type Selection,
  selectionWhere,
} from '../../selection/selection.ts';
import { backendOfBulk } from '../choose-backend.ts';
import type { TaskContext } from '../context.ts';
import { isPutOff } from '../inline-turns.ts';
import { countCascadeInline, runsInline } from '../runs-inline.ts';

/** What was typed, by the name of the control. */
export type TypedForm = Readonly<Record<string, readonly string[]>>;

/** What a form or a page showed, and what confirming it binds to. */
export interface Preview {
  /** The form's one-time operation id. */
  id: string;
  /** Its name. */
  operation: string;
  selectionId: string;
  recordCount: number;
  selectionVersion: number;
  /** As `Operation.parse` made them; null: the form itself asks for them. */
  parameters: unknown;
  /** What was typed in the form that led here, by control. */
  form: TypedForm;
  /** What was found by trying; null: nothing was tried. */
  findings: Findings | null;
  /** Keys that were unticked on the preview. */
  exclusions: string[];
  /**
   * When it was made: "in the last hour" is the hour before it, also when the task begins the next
   * day.
   */
  asOf: string;
  /** The database's transactions at the moment, as `snapshotSql` has them. */
  snapshot: string;
  kind: Selected['kind'];
  /** Small as it may be, it runs in the background: that was said when the preview was made. */
  isPutOff: boolean;
  /** Below the threshold: done at once, all or nothing. */
  runsInline: boolean;
  /** What would run it in the background; `inline`: nothing does. */
  backend: string;
}

/** What trying an operation brought to light. Counts are of the records looked at. */
export interface Findings {
  tried: number;
  /** Not one could be tried in time: nothing is known of what would come of them. */
  isUntried?: boolean;
  /** Fewer than there are: then the counts are of a sample. */
  isSample: boolean;
  changed: number;
  unchanged: number;
  refused: { code: string; message: string; field: string | null; count: number; keys: string[] }[];
  held: {
    taskId: number;
    title: string;
    resource: string;
    principalId: string;
    principalName: string;
    count: number;
  }[];
  /** Rows of others that are written along, as far as they were counted. */
  along?: number;
  /** Rows that somebody else's transaction is at this very moment. */
  busy: number;
  /** Ticked records that are gone, or not the principal's to see. */
  missing: number;
  /** Triggers of the table that run for every record. */
  triggers: string[];
  /** Null: it will take no time worth naming. */
  expectedMs: number | null;
  /** Of the values that were shown; null: too many records to compare them again. */
  digest: string | null;
}

/** How long a preview can be confirmed, in hours. */
export const maxPreviewHours = 24;

const columnsOf = (
  t: TableNames,
) => `id, operation, selection_id as "selectionId", record_count as "recordCount", selection_version as "selectionVersion",
  is_put_off as "isPutOff", parameters, coalesce(form, '{}') as form, findings, exclusions, snapshot, to_json(created_at) #>> '{}' as "asOf",
  coalesce((select kind from ${t.selection} selection where selection.id = selection_id), 'ticked') as kind`;

export interface NewPreview {
  resource: Resource;
  principal: Principal;
  operation: string;
  selectionId: string;
  /** As `Operation.parse` made them, where they are known. */
  parameters?: unknown;
  form?: TypedForm;
  /** Keys that were unticked on an earlier preview. */
  exclusions?: readonly string[];
}

/** What a dialog shows and its confirmation binds to. Previews of yesterday go on the way. */
export async function createPreview(
  context: TaskContext,
  newPreview: NewPreview,
): Promise<Preview> {
  const { db, registry } = context;
  const { resource, principal, operation, selectionId, exclusions = [] } = newPreview;
  assertMayBegin(resource, principal, getOperation(resource, operation));
  const selection = await getSelection(db, principal, resource, selectionId);
  const recordCount = await countSelection(
    registry,
    resource,
    principal,
    less(selection, exclusions),
  );
  if (recordCount === 0) throw nothingSelected();
  const { rows } = await db.pages.query<Omit<Preview, 'runsInline' | 'backend'>>(
    `with purged as (
       delete from ${db.t.preview} where created_at < now() - make_interval(hours => ${maxPreviewHours})
     )
     insert into ${db.t.preview} (id, owner_id, resource, operation, selection_id, selection_version, record_count, parameters, form, exclusions, snapshot)
     values (gen_random_uuid(), $1, $2, $3, $4, $5, $6, $7, $8, $9, ${snapshotSql}) returning ${columnsOf(db.t)}`,
    [
      principal.id,
      resource.slug,
      operation,
      selection.id,
      selection.version,
      recordCount,
      newPreview.parameters === undefined ? null : JSON.stringify(newPreview.parameters),
      newPreview.form === undefined ? null : JSON.stringify(newPreview.form),
      exclusions,
    ],
  );
  const preview = rows[0] as Preview;
  const selected = previewed(selection, preview);
  const made = withManner(
    context,
    preview,
    resource,
    principal,
    await countPreviewCascade(context, resource, principal, preview, selected),
  );
  if (!made.runsInline || made.backend === inlineName || !(await isPutOff(context, made.backend)))
    return made;
  await db.pages.query(`update ${db.t.preview} set is_put_off = true where id = $1`, [made.id]);
  return { ...made, isPutOff: true, runsInline: false };
}

/** What is written along with a preview's records. */
export async function countPreviewCascade(
  context: TaskContext,
  resource: Resource,
  principal: Principal,
  {
    operation,
    parameters,
    recordCount: count,
  }: Pick<Preview, 'operation' | 'parameters' | 'recordCount'>,
  selected: Selected,
): Promise<number> {
  if (count === 0) return 0;
  const where = selectionWhere(resource, principal, selected);
  return countCascadeInline(context, resource, principal, {
    operation,
    parameters,
    where,
    count,
    kind: selected.kind,
  });
}

/**
 * The principal's own; somebody else's, of another resource, and one that is gone are the same
 * null.
 */
export async function findPreview(
  context: TaskContext,
  resource: Resource,
  principal: Principal,
  id: string,
): Promise<Preview | null> {
  const { db } = context;
  const { rows } = await db.pages.query<Omit<Preview, 'runsInline' | 'backend'>>(
    `select ${columnsOf(db.t)} from ${db.t.preview} where id::text = $1 and owner_id = $2 and resource = $3
       and created_at > now() - make_interval(hours => ${maxPreviewHours})`,
    [id.toLowerCase(), principal.id, resource.slug],
  );
  return rows[0] ? withManner(context, rows[0], resource, principal) : null;
}

/** Which records a preview is about: the selection less what was unticked on the preview itself. */
export function previewed(
  selection: Selection,
  { exclusions, asOf }: Pick<Preview, 'exclusions' | 'asOf'>,
): Selection & Selected {
  return { ...less(selection, exclusions), asOf };
}

function less(selection: Selection, keys: readonly string[]): Selection {
  if (keys.length === 0) return selection;
  const excluded = new Set(keys);
  if (selection.kind === 'ticked')
    return { ...selection, keys: selection.keys.filter((key) => !excluded.has(key)) };
  return { ...selection, exclusions: sortKeys([...selection.exclusions, ...keys]) };
}

/** Keeps what was typed since, for the way back to the form. */
export async function keepForm(
  { db }: TaskContext,
  preview: Preview,
  form: TypedForm,
): Promise<void> {
  await writePreview(db, `update ${db.t.preview} set form = $2 where id = $1`, [
    preview.id,
    JSON.stringify(form),
  ]);
}

/**
 * Leaves records out of a preview, or takes them in again, in one statement: explicit, so that
 * doing it twice is doing it once.
 */
export async function excludeFromPreview(
  { db }: TaskContext,
  preview: Preview,
  { out, back }: { out: readonly string[]; back: readonly string[] },
): Promise<Preview> {
  const { rows } = await writePreview<{ exclusions: string[] }>(
    db,
    `with old as (
       select id, exclusions from ${db.t.preview} where id = $1 for update
     ), next as (
       select id, array(
         select key from (select unnest(exclusions || $2::text[]) collate "C" except select unnest($3::text[]) collate "C") kept (key) order by key
       ) as exclusions from old
     )
     update ${db.t.preview} preview set exclusions = next.exclusions from next
     where preview.id = next.id and cardinality(next.exclusions) <= $4 returning preview.exclusions`,
    [preview.id, out, back, limits.bulk.ticked],
  );
  if (rows[0]) return { ...preview, exclusions: rows[0].exclusions };
  throw new AppError('too-many-ticked', 422, limitTexts.leftOut);
}

/** Writes to a preview's row, which another tab may hold. */
export function writePreview<R extends QueryResultRow>(
  { pages }: Database,
  sql: string,
  values: unknown[],
): Promise<QueryResult<R>> {
  return patientTransaction(pages, limitTexts.heldPreview, (client) =>
    client.query<R>(sql, values),
  );
}

export function isLeftOut({ exclusions }: Pick<Preview, 'exclusions'>, key: string): boolean {
  return exclusions.includes(key);
}

export function nothingSelected(): AppError {
  return new AppError('empty-selection', 422, 'Nothing is selected.');
}

export function withManner(
  context: TaskContext,
  preview: Omit<Preview, 'runsInline' | 'backend'>,
  resource: Resource,
  principal: Principal,
  cascadeCount = preview.findings?.along ?? 0,
): Preview {
  const { recordCount: count, kind, operation } = preview;
  // An operation that could not be tried in time is run in the background too: nobody waits for it.
  const backend = backendOfBulk(context, { resource, operation, principal, count });
  if ((preview.isPutOff || preview.findings?.isUntried) && backend !== inlineName)
    return { ...preview, backend, runsInline: false };
  const selection = { count, cascadeCount, kind, operation };
  return {
    ...preview,
    backend,
    runsInline: runsInline(resource, selection, { principal, backend }),
  };
}
