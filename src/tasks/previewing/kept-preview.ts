import type { Database } from '../../db/database.ts';
import { query, raw, sql } from '../../db/sql.ts';
import type { FieldEdit } from '../../operations/field-edit.ts';
import type { Resource } from '../../resources/contract.ts';
import type { Findings, Preview } from './preview.ts';
import type { PreviewedRecord } from './preview-page.ts';

/** Characters that are kept of a value. */
const maxLength = 1_000;

/** Records of the first page of a preview, as it showed them: at most as many as a page has. */
export interface KeptRows {
  /** Names of fields in the metadata, in the order of the values. */
  fields: readonly string[];
  records: readonly Pick<PreviewedRecord, 'key' | 'fate' | 'reason' | 'before' | 'after'>[];
}

/** What was found by trying, without what is other people's, and which records were refused. */
export interface KeptFindings
  extends Partial<
    Pick<
      Findings,
      'tried' | 'isUntried' | 'isSample' | 'changed' | 'unchanged' | 'along' | 'busy' | 'missing'
    >
  > {
  kind: 'records';
  recordCount: number;
  held: number;
  refused: readonly { code: string; message: string; count: number }[];
}

/** How many of a kind were in a state, and some of them, before a task acted on all that match. */
export interface KeptMatching {
  kind: 'tasks';
  counts: readonly { kind: 'bulk' | 'own'; state: string; count: number }[];
  total: { value: number; isExact: boolean };
}

export interface KeptTaskRow {
  id: number;
  state: string;
  why: string | null;
}

export type KeptPreview = { at: Date } & (
  | { findings: KeptFindings; rows: KeptRows | null }
  | { findings: KeptMatching; rows: readonly KeptTaskRow[] | null }
);

/** What somebody was shown when they confirmed a task; null: nothing. One statement. */
export async function readKeptPreview(
  { pages, t }: Pick<Database, 'pages' | 't'>,
  taskId: number,
): Promise<KeptPreview | null> {
  const { rows } = await query<KeptPreview>(
    pages,
    sql`select at, findings, rows from ${raw(t.task_preview)} where task_id = ${taskId}`,
  );
  return rows[0] ?? null;
}

/**
 * Keeps with a preview what its first page shows, for the task that it becomes, without what is
 * secret. Where another tab holds it, that one keeps it.
 */
export async function keepShown(
  { pages, t }: Database,
  resource: Resource,
  { id }: Pick<Preview, 'id'>,
  edits: readonly FieldEdit[],
  records: readonly PreviewedRecord[],
): Promise<void> {
  const isSecret = (name: unknown) => resource.secrets.some(({ meta }) => meta.name === name);
  const places = edits.flatMap(({ field, change, value }, index) =>
    isSecret(field) || (change === 'copy' && isSecret(value)) ? [] : [index],
  );
  const pick = (texts: readonly (string | null)[]) =>
    places.map((index) => texts[index]?.slice(0, maxLength).toWellFormed() ?? null);
  const shown: KeptRows = {
    fields: places.map((index) => edits[index]?.field ?? ''),
    records: records
      .filter(({ isLeftOut }) => !isLeftOut)
      .map(({ key, fate, reason, before, after }) => ({
        key,
        fate,
        // Who holds it is not everybody's to know.
        reason: fate === 'held' ? null : reason,
        before: pick(before),
        after: after && pick(after),
      })),
  };
  await query(
    pages,
    sql`update ${raw(t.preview)} set shown = ${JSON.stringify(shown)}::jsonb
        where id = (select id from ${raw(t.preview)} where id = ${id} for update skip locked)`,
  );
}
