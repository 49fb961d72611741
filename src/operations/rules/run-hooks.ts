import type { Principal } from '../../auth/principal.ts';
import { DatabaseError, databaseError } from '../../db/database-error.ts';
import { AppError } from '../../errors.ts';
import type { Client } from '../../resources/client.ts';
import type { Resource } from '../../resources/contract.ts';
import type { Hooks, TransactionClient } from '../../resources/hooks.ts';
import type { WriteCalls } from '../../resources/write-calls.ts';
import type { ApplyTarget, Through } from '../contract.ts';

/** What a hook is told beside its record. */
export interface HookContext {
  readonly resource: Resource;
  readonly principal: Principal;
  readonly taskId: number | null;
  /** The project's client inside the write's transaction. */
  readonly tx: Client;
  /** What it may do with other records and tasks; null: none of it is called. */
  readonly calls: WriteCalls | null;
  readonly log: (level: 'error', message: string, details?: Record<string, unknown>) => void;
}

/** Of hooks within a chunk's own transaction. */
export function chunkContext(
  { resource, author }: Pick<ApplyTarget, 'resource' | 'author'>,
  { principal, tx, calls, log }: Through,
): HookContext {
  return { resource, principal, taskId: author.taskId, tx, calls, log };
}

/** One record that is about to be written. */
export interface Draft {
  readonly kind: 'create' | 'update';
  readonly before: Record<string, unknown> | null;
  /** As it will be; hooks may set more. */
  record: Record<string, unknown>;
  /** Fields that are about to be written. */
  fields: readonly string[];
}

/** Why a record must not be written, in words that are safe to show. */
export interface Objection {
  code: string;
  message: string;
  fieldErrors: Readonly<Record<string, string>>;
}

/** What the resource's `validate` says of a record; null: nothing against it. */
export async function validateDraft(context: HookContext, draft: Draft): Promise<Objection | null> {
  const { validate, singular } = context.resource;
  if (!validate) return null;
  const errors = await guarded(context, 'validate', () =>
    validate(draft.record, { ...eventContext(context), ...draft, record: undefined } as never),
  );
  if (isObjection(errors)) return errors;
  if (typeof errors === 'string')
    return errors === '' ? null : { code: 'invalid', message: errors, fieldErrors: {} };
  const fieldErrors = Object.fromEntries(
    Object.entries(errors ?? {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string' && entry[1] !== '',
    ),
  );
  if (Object.keys(fieldErrors).length === 0) return null;
  const message =
    Object.values(fieldErrors).join(' ') || `This ${singular.toLowerCase()} is not valid.`;
  return { code: 'invalid', message, fieldErrors: byRelation(context.resource, fieldErrors) };
}

/**
 * Lets `beforeSave` look and set more. Returns what it set, by field of a column; or what it
 * objects to.
 */
export async function runBeforeSave(
  context: HookContext,
  draft: Draft,
): Promise<Record<string, unknown> | Objection> {
  const { hooks, model } = context.resource;
  const { beforeSave } = hooks;
  const given: Record<string, unknown> = {};
  if (!beforeSave) return given;
  const set = (name: string, value: unknown) => {
    if (!model.fields[name]?.column)
      throw new Error(`beforeSave sets "${name}", and ${model.name} has no such column`);
    if (value === undefined)
      throw new Error(`beforeSave sets ${model.name}.${name} to undefined; null clears`);
    given[name] = value;
    draft.record[name] = value;
  };
  const done = await guarded(context, 'beforeSave', () =>
    beforeSave({ ...hookContext(context), ...draft, set } as never),
  );
  if (isObjection(done)) return done;
  draft.fields = [...new Set([...draft.fields, ...Object.keys(given)])];
  return given;
}

type HookName = keyof Hooks;

/** Runs one of the hooks that only look; returns what it objects to. */
export async function runHook(
  context: HookContext,
  name: Exclude<HookName, 'beforeSave' | 'save'>,
  event: object,
): Promise<Objection | null> {
  const hook = context.resource.hooks[name] as
    | ((event: object) => void | Promise<void>)
    | undefined;
  if (!hook) return null;
  const done = await guarded(context, name, () => hook({ ...hookContext(context), ...event }));
  return isObjection(done) ? done : null;
}

/** Lets `save` write in place of ours; returns the id it gives, or what it objects to. */
export async function runOwnSave(
  context: HookContext,
  draft: Draft,
  data: Readonly<Record<string, unknown>>,
): Promise<unknown> {
  const { save } = context.resource.hooks;
  return guarded(context, 'save', () =>
    save?.({ ...hookContext(context), ...draft, data } as never),
  );
}

/** Lets the project's client write; returns what its extensions, or Prisma itself, object to. */
export async function askClient(
  context: HookContext,
  run: () => Promise<unknown>,
): Promise<Objection | null> {
  const done = await guarded(context, 'client', run);
  return isObjection(done) ? done : null;
}

/**
 * Lets other code of the project's run for one record; `name` is what it is called in the log and
 * to people.
 */
export async function askOwn<T>(
  context: HookContext,
  name: string,
  run: () => Promise<T>,
): Promise<T | Objection> {
  return guarded(context, name, run);
}

export function isObjection(value: unknown): value is Objection {
  return value instanceof RaisedObjection;
}

class RaisedObjection implements Objection {
  readonly code: string;
  readonly message: string;
  readonly fieldErrors: Readonly<Record<string, string>>;

  constructor({ code, message, fieldErrors }: Objection) {
    this.code = code;
    this.message = message;
    this.fieldErrors = fieldErrors;
  }
}

function hookContext(context: HookContext) {
  return { ...eventContext(context), ...context.calls };
}

function eventContext({ principal, taskId, tx }: HookContext) {
  return { principal, taskId, tx: tx as unknown as TransactionClient };
}

/**
 * What the hook returns, or its objection. What the database refused within it is the database's
 * word, and thrown on.
 */
async function guarded<T>(
  context: HookContext,
  name: string,
  run: () => T | Promise<T>,
): Promise<T | Objection> {
  try {
    return await run();
  } catch (caught) {
    const error = databaseError(caught);
    if (error instanceof DatabaseError) throw error;
    const { resource } = context;
    if (error instanceof AppError) {
      const { field, fieldErrors } = error.details;
      const named = fieldErrors ?? (field ? { [field]: error.message } : {});
      return new RaisedObjection({
        code: error.code,
        message: error.message,
        fieldErrors: byRelation(resource, named),
      });
    }
    const details = {
      resource: resource.slug,
      hook: name,
      error,
    };
    context.log('error', 'a hook failed', { where: 'hook', ...details });
    return new RaisedObjection({
      code: 'hook-failed',
      message: `The ${name} rule of ${resource.label.toLowerCase()} failed. The log has the details.`,
      fieldErrors: {},
    });
  }
}

/** Errors by the names that forms use: a foreign key's is its relation's. */
function byRelation(
  { fields }: Resource,
  errors: Readonly<Record<string, string>>,
): Record<string, string> {
  return Object.fromEntries(
    Object.entries(errors).map(([name, message]) => [
      fields.find((field) => field.meta.name === name)?.name ?? name,
      message,
    ]),
  );
}
