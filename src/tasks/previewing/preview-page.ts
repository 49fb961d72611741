import type { Principal } from '../../auth/principal.ts';
import { limits } from '../../limits.ts';
import { seenEdits } from '../../operations/operations.ts';
import { compareStatement, valuesStatement } from '../../operations/update/update-sql.ts';
import type { Resource } from '../../resources/contract.ts';
import { titlesOf } from '../../selection/list.ts';
import { getSelection } from '../../selection/selection.ts';
import type { TaskContext } from '../context.ts';
import { type Holder, listHolders } from '../looking/holders.ts';
import { isLeftOut, type Preview, previewed } from './preview.ts';
import { readSelectedKeys } from './read-selected-keys.ts';
import { tryOut } from './try-out.ts';

/** Records of a preview that a page shows. */

export interface PreviewedRecord {
  key: string;
  title: string;
  /** Unticked on the preview. */
  isLeftOut: boolean;
  /** unknown: there was no time to try it. */
  fate: 'changed' | 'unchanged' | 'refused' | 'held' | 'busy' | 'unknown';
  /** Why it is refused, or who holds it. */
  reason: string | null;
  /** Texts in the order of the edits; lists as JSON. */
  before: readonly (string | null)[];
  /** Null: it stays as it is, or goes. */
  after: readonly (string | null)[] | null;
}

export interface PreviewPage {
  records: PreviewedRecord[];
  /** Key after which the next page begins; null: this is the last. */
  next: string | null;
}

interface Paged {
  resource: Resource;
  principal: Principal;
  preview: Preview;
  /** Null: from the first on. */
  after: string | null;
}

/**
 * Some records of a preview, each with what would become of it; those that were unticked among
 * them.
 */
export async function previewPage(
  context: TaskContext,
  { resource, principal, preview, after }: Paged,
): Promise<PreviewPage> {
  const { db, registry } = context;
  const selected = previewed(await getSelection(db, principal, resource, preview.selectionId), {
    ...preview,
    exclusions: [],
  });
  if (selected.kind === 'ticked' && selected.keys.length === 0) return { records: [], next: null };
  const found = await readSelectedKeys(
    context,
    { resource, principal, selected },
    { after, limit: limits.shown.previewed + 1 },
  );
  const keys = found.slice(0, limits.shown.previewed);
  const titles = await titlesOf(registry, resource, principal, keys);
  const holders =
    resource.locksOffReason === null
      ? await listHolders(db, resource.model.name, keys)
      : new Map<string, Holder>();
  const free = keys.filter((key) => !holders.has(key));
  const fates = await fatesOf(context, { resource, principal, preview }, free);
  const values = await valuesOf(context, resource, preview, keys, fates);
  const records = keys.map((key): PreviewedRecord => {
    const holder = holders.get(key);
    const fate = fates.get(key) ?? { fate: holder ? 'held' : 'unknown', reason: null };
    const shown = values.get(key);
    return {
      key,
      title: titles.get(key) ?? key,
      isLeftOut: isLeftOut(preview, key),
      fate: fate.fate === 'changed' && shown?.isChanged === false ? 'unchanged' : fate.fate,
      reason: holder?.principalName ?? fate.reason,
      before: shown?.before ?? [],
      after: shown?.after ?? null,
    };
  });
  return { records, next: found.length > limits.shown.previewed ? (keys.at(-1) ?? null) : null };
}

interface Fate {
  fate: PreviewedRecord['fate'];
  reason: string | null;
}

async function fatesOf(
  context: TaskContext,
  { resource, principal, preview }: Omit<Paged, 'after'>,
  keys: readonly string[],
): Promise<Map<string, Fate>> {
  const fates = new Map<string, Fate>();
  if (keys.length === 0) return fates;
  const trial = {
    resource,
    principal,
    operation: preview.operation,
    parameters: preview.parameters,
  };
  // The page is made after the preview itself, and within a quarter of its time.
  const tried = await tryOut(context, trial, keys, context.settings.previewMs / 4);
  if (!tried) return fates;
  for (const key of keys) fates.set(key, { fate: 'changed', reason: null });
  for (const { message, keys: refused } of [...tried.outcome.refusals, ...tried.outcome.conflicts])
    for (const key of refused) fates.set(key, { fate: 'refused', reason: message });
  for (const key of tried.busy) fates.set(key, { fate: 'busy', reason: null });
  return fates;
}

interface Values {
  before: readonly (string | null)[];
  after: readonly (string | null)[] | null;
  isChanged: boolean;
}

/**
 * Before and after of what would be changed; of the rest before alone, since there may be no after.
 */
async function valuesOf(
  { db }: TaskContext,
  resource: Resource,
  preview: Preview,
  keys: readonly string[],
  fates: ReadonlyMap<string, Fate>,
): Promise<Map<string, Values>> {
  const values = new Map<string, Values>();
  const edits = seenEdits(resource, preview);
  if (edits.length === 0 || keys.length === 0) return values;
  const isTried = (key: string) => fates.get(key)?.fate === 'changed';
  const compared = compareStatement(resource, keys.filter(isTried), edits);
  const { rows } = await db.pages.query<Values & { key: string }>(compared.text, compared.values);
  for (const { key, before, after, isChanged } of rows)
    values.set(key, { before, after, isChanged });
  const rest = keys.filter((key) => !isTried(key));
  if (rest.length === 0) return values;
  const read = valuesStatement(
    resource,
    rest,
    edits.map(({ field }) => field),
  );
  const left = await db.pages.query<{ key: string; texts: (string | null)[] }>(
    read.text,
    read.values,
  );
  for (const { key, texts } of left.rows)
    values.set(key, { before: texts, after: null, isChanged: false });
  return values;
}
