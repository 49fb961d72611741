import type { Principal } from '../auth/principal.ts';
import type { Client } from './client.ts';
import type { AnyModel, ModelTypes } from './model-types.ts';
import type { ProjectTypes } from './project-types.ts';
import type { WriteCalls } from './write-calls.ts';

/**
 * The project's client inside the transaction of the write: what Prisma hands to `$transaction`.
 */
export type TransactionClient = ProjectTypes extends { client: infer C }
  ? Omit<C, '$connect' | '$disconnect' | '$on' | '$transaction' | '$extends'>
  : Client;

interface Write {
  /** Who does it. */
  readonly principal: Principal;
  /** The task within which it is written, in bulk or by a task of your own; null: a form. */
  readonly taskId: number | null;
  /**
   * The client inside this write's transaction. What it writes comes and goes with the record. Use
   * no other client in a hook: it would wait for a connection, and for rows, that this very
   * transaction holds.
   */
  readonly tx: TransactionClient;
}

/** What `validate` is told beside the record. */
export interface ValidateContext<T extends ModelTypes = AnyModel> extends Write {
  readonly kind: 'create' | 'update';
  /** As the database has it, locked; null for a new record. */
  readonly before: T['record'] | null;
  /** Fields that are about to be written. */
  readonly fields: readonly (T['field'] | T['key'])[];
}

/**
 * Errors by field; a plain text is about the record as a whole; nothing means that it may be
 * written.
 */
export type Errors<T extends ModelTypes = AnyModel> =
  | { readonly [N in T['field'] | T['key']]?: string }
  | string
  | null
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: returning nothing on success is the usual case
  | void;

/** A write that is about to happen. */
export interface BeforeSave<T extends ModelTypes = AnyModel>
  extends ValidateContext<T>,
    WriteCalls {
  /** As it will be written. */
  readonly record: T['draft'];
  /** Writes one more field, or another value. Values are Prisma's: `null` clears. */
  set<N extends keyof T['record'] & string>(name: N, value: T['record'][N]): void;
}

/** A write that has happened and is not yet committed. */
export interface AfterSave<T extends ModelTypes = AnyModel> extends ValidateContext<T>, WriteCalls {
  /** As the database has it now. */
  readonly record: T['record'];
}

/** A write that the hook makes itself. */
export interface OwnSave<T extends ModelTypes = AnyModel> extends ValidateContext<T>, WriteCalls {
  /** As it should be. */
  readonly record: T['draft'];
  /**
   * What was chosen, and what `beforeSave` set: values by column, lists of ids as text by
   * many-to-many field.
   */
  readonly data: Readonly<Record<string, unknown>>;
}

/** What `beforeDelete`, `delete` and `afterDelete` are told: the record that goes. */
export interface DeleteEvent<T extends ModelTypes = AnyModel> extends Write, WriteCalls {
  /** As the database has it, locked; for `afterDelete`, as it was. */
  readonly record: T['record'];
}

/** A record that belongs to another: `key` of a resource (its slug) to `parent`, an id as it was given. */
export interface Descendant {
  readonly parent: string | number;
  readonly resource: string;
  readonly key: string | number;
}

/**
 * Code of yours around every write of a resource, by form or in bulk. It runs inside the write's
 * transaction, one record after another. Throw an `AppError` to refuse a record: its message is
 * shown, `details.field` names the field. Anything else that is thrown refuses the record too, with
 * a general message, and goes to the log. In bulk the other records of the chunk go on; their hooks
 * may run a second time after what they wrote through `tx` was rolled back.
 */
export interface Hooks<T extends ModelTypes = AnyModel> {
  /** Before a record is created or changed, after `validate`. */
  beforeSave?: (save: BeforeSave<T>) => void | Promise<void>;
  /** After it was written, before the commit: what is thrown here takes the write back. */
  afterSave?: (save: AfterSave<T>) => void | Promise<void>;
  /** Writes in place of Bulkhead, through `tx`. For a new record it returns at least the id. */
  save?: (save: OwnSave<T>) => Promise<Partial<T['record']> | undefined>;
  /** Before a record is deleted. */
  beforeDelete?: (event: DeleteEvent<T>) => void | Promise<void>;
  /**
   * Puts the record away in place of the delete, through `tx`: by a mark on it, for example. Pages
   * say so; what it writes to the record is in the history, and an undo puts that back.
   */
  delete?: (event: DeleteEvent<T>) => void | Promise<void>;
  /** After it was deleted, before the commit. */
  afterDelete?: (event: DeleteEvent<T>) => void | Promise<void>;
}
