import { AppError } from '../../errors.ts';
import { literalDefault, plainColumnValue, plainValue } from '../../fields/column-value.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { keyOf } from '../../metadata/keys.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import { columnFields } from '../journal/row-values.ts';
import {
  type Draft,
  type HookContext,
  isObjection,
  type Objection,
  runBeforeSave,
  runHook,
  runOwnSave,
  validateDraft,
} from './run-hooks.ts';

/** A form's values that the resource's own rules have seen. */
export interface Ruled {
  draft: Draft;
  /** What `beforeSave` set, by column. */
  given: Record<string, unknown>;
}

/**
 * Asks `validate` and `beforeSave` about a form's values. Throws AppError 422 with
 * details.fieldErrors where they object.
 */
export async function ruleForm(
  context: HookContext,
  before: Record<string, unknown> | null,
  values: ReadonlyMap<ResourceField, unknown>,
): Promise<Ruled> {
  const { resource } = context;
  const record = before ? { ...before } : defaultsOf(resource);
  for (const [field, value] of values)
    if (field.meta.column) record[field.meta.name] = typed(field, value);
  const fields = [...values.keys()].map(({ meta }) => meta.name);
  const draft: Draft = { kind: before ? 'update' : 'create', before, record, fields };
  const objection = await validateDraft(context, draft);
  if (objection) throw refused(resource, objection);
  const given = await runBeforeSave(context, draft);
  if (isObjection(given)) throw refused(resource, given);
  return { draft, given: given as Record<string, unknown> };
}

/** Lets the resource's `save` write. Returns the key it gives to a new record. */
export async function saveForm(
  context: HookContext,
  { draft }: Ruled,
  data: Record<string, unknown>,
): Promise<string | null> {
  const { resource } = context;
  const done = await runOwnSave(context, draft, data);
  if (isObjection(done)) throw refused(resource, done);
  if (draft.before) return null;
  const id = (done ?? {}) as Record<string, unknown>;
  const missing = resource.model.idFields.find(
    (name) => id[name] === undefined || id[name] === null,
  );
  if (missing)
    throw new Error(
      `save of ${resource.model.name} returned no ${missing}, so the new record cannot be found`,
    );
  return keyOf(resource.model, id);
}

/** Runs a hook that only looks; throws what it objects to, which takes the write back. */
export async function askHook(
  context: HookContext,
  name: 'afterSave' | 'beforeDelete' | 'afterDelete',
  event: object,
): Promise<void> {
  const objection = await runHook(context, name, event);
  if (objection) throw refused(context.resource, objection);
}

/** Of what a rule objects to, at the fields of the form where it names them. */
export function refused({ form }: Resource, { message, fieldErrors }: Objection): AppError {
  // An error of a field that the form does not have would be seen by nobody.
  const isSeen = (name: string) => form.some((field) => field.name === name);
  const unseen = Object.entries(fieldErrors).filter(([name]) => !isSeen(name));
  const isAtFields = Object.keys(fieldErrors).length > 0 && unseen.length === 0;
  const summary = isAtFields
    ? 'Some values need attention. Nothing was saved.'
    : unseen.map(([, text]) => text).join(' ') || message;
  return new AppError('invalid-record', 422, summary, { fieldErrors });
}

function typed(field: ResourceField, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  const text = getFieldKind(field).toSql(value, field);
  return plainColumnValue(field.meta, Array.isArray(text) ? JSON.stringify(text) : text);
}

/**
 * A new record before anything is said: what the schema gives as a literal; null where nothing need
 * be.
 */
function defaultsOf({ model }: Resource): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const field of columnFields(model)) {
    const literal = literalDefault(field);
    if (literal !== undefined) record[field.name] = plainValue(field, literal);
    else if (field.isList) record[field.name] = [];
    else if (field.default === null && !field.isRequired && !field.isUpdatedAt)
      record[field.name] = null;
  }
  return record;
}
