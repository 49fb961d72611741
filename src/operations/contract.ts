import type { Principal } from '../auth/principal.ts';
import type { TableNames } from '../db/names.ts';
import type { Sql, Statement } from '../db/sql.ts';
import type { Queryable } from '../db/transaction.ts';
import type { ResourceField } from '../fields/contract.ts';
import type { HeldKeys } from '../metadata/key-sql.ts';
import type { Action } from '../resources/actions.ts';
import type { Client } from '../resources/client.ts';
import type { Resource, ResourceRegistry } from '../resources/contract.ts';
import type { WriteCalls } from '../resources/write-calls.ts';
import type { FieldEdit } from './field-edit.ts';
import type { JournalKind } from './journal-kind.ts';
import type { OperationWords } from './words.ts';
import type { WritePath } from './write-path.ts';

/**
 * What to do to records: how it is offered, tried, written and told. Parameters are parsed once
 * into plain JSON and stay with the task. Whoever has one asks it; nobody asks for its name.
 */
export interface Operation<P = unknown> {
  /** Its name, in the rows of its tasks. */
  readonly kind: string;
  /**
   * Of its parameters, raised where code that knows an earlier one would take them for something
   * else: it leaves tasks of a later version to code that knows that. Default: 1.
   */
  readonly version?: number;
  /**
   * How it is offered beside a selection; null: it is not, as an undo, which the task offers that
   * it takes back.
   */
  readonly offer: Offer | null;
  readonly words: OperationWords;
  /** What the principal must be allowed to do. */
  readonly action: Action;
  /** Where that depends on the parameters: undoing a delete is not undoing an update. */
  actionOf?(params: P): Action;
  /**
   * May this person begin it, retry it and take it back, beside being allowed the action? Default:
   * yes.
   */
  isAllowed?(principal: Principal): boolean;
  /**
   * What the journal says it does to its records, as far as that is known without the parameters.
   */
  readonly writes: JournalKind;
  writePath(resource: Resource): WritePath;
  /**
   * Typed parameters from a form body, or AppError('invalid-operation', 422) with
   * details.fieldErrors by field name.
   */
  parse(resource: Resource, body: Record<string, unknown>): P;
  /**
   * What its form would send of values that code gives by name, for `parse` to read; without it, it
   * takes none. Throws as `parse` does.
   */
  bodyOf?(
    resource: Resource,
    values: Readonly<Record<string, unknown>>,
  ): Readonly<Record<string, unknown>>;
  /**
   * What it does to single fields, where that can be said one by one: previews, failures and counts
   * look at these.
   */
  edits?(params: P): readonly FieldEdit[];
  /**
   * Names of the fields whose values decide what it comes to: one that is changed makes a preview
   * stale.
   */
  digestFields?(params: P): string[];
  /** These parameters do not show how long it takes, so it is tried before it begins. */
  isAlwaysPreviewed?(params: P): boolean;
  /** May the principal still change, and see, the fields that these parameters are about? */
  mayChange?(resource: Resource, principal: Principal, params: P): boolean;
  /** Deleted records that it brings back, which are in nobody's row scope; null: none. */
  recreates?(params: P): Recreated | null;
  /** What was done first, which it takes back or, after an odd number of undos, does again. */
  undone?(params: P): Undone;
  /**
   * It writes values from images. When a record is refused, its secrets cannot be looked at: the
   * message is kept free of values.
   */
  readonly writesImages?: true;
  /**
   * `leaves`: a record that it has written may be outside the row scope, as one that was put away.
   * `enters`: it may be outside before, and is held to the scope as it is then. Default: it is
   * inside before and after.
   */
  scopeMove?(params: P): 'leaves' | 'enters' | null;
  /** Controls of its form. */
  readonly inputs?: readonly ResourceField[];
  /** It is done by code of the project's, on the project's client. */
  readonly needsClient?: true;
  /** What it does is not taken back. */
  readonly isUndoable?: false;
  /**
   * What only the database can say of parameters: choices outside the principal's scope,
   * expressions that PostgreSQL refuses. Asked at the preview and again before anything is written.
   * Throws as `parse` does.
   */
  check?(context: CheckContext, params: P): Promise<void>;
  /**
   * The same operation, knowing what it must know of the database: asked once, before it is
   * applied.
   */
  prepared?(context: PrepareContext, params: P): Promise<Operation<P>>;
  /** Records of a first chunk at most, where one may be much work. */
  readonly firstRows?: number;
  /**
   * Records of a task, up to this many, that form one chunk and one set as long as none is refused.
   * For operations whose records may point at each other: chunks would make their order decide.
   */
  readonly together?: number;
  /** Title of a task: `Edit cities`. */
  title(resource: Resource): string;
  /** The parameters in words, one line each: `Status: set to published`. */
  describe(resource: Resource, params: P): string[];
  /**
   * Changes the records of `keys` set-wise on the caller's transaction and keeps before and after
   * of exactly the columns written. Throws the database's error when a row is refused; the caller
   * isolates it.
   */
  apply(
    client: Queryable,
    target: ApplyTarget,
    keys: readonly string[],
    params: P,
  ): Promise<ApplyCounts>;
  /**
   * The operation as one statement, when one is enough. Its single row has `changed`, then either
   * `unchanged` (all others were seen to hold the values already) or the keys `written`, and where
   * there are any `putBack`, `refusals` and `conflicts`. A refused record is then looked for within
   * the server.
   */
  statement?(target: ApplyTarget, keys: readonly string[], params: P): Statement | null;
  /**
   * Of records one of which was refused, those that are likely to be, as rows of `key`: what breaks a
   * check of the table. Only a hint: whoever has it tries each of them alone.
   */
  suspects?(
    target: ApplyTarget,
    keys: readonly string[],
    params: P,
    checks: readonly TableCheck[],
  ): Statement | null;
  /**
   * The same where the server holds the keys and goes from chunk to chunk by itself. Its single row
   * is `changed`, `unchanged`, `gone`, and `is_left`: there are records of which somebody else must
   * say what became of them, and the chunk is done anew by `apply`.
   */
  held?(target: ApplyTarget, keys: HeldKeys, params: P): Sql | null;
  /** Called before a chunk is applied when triggers, too, may write its records. */
  watch?(
    client: Queryable,
    target: ApplyTarget,
    keys: readonly string[],
    params: P,
  ): ReturnType<Watch<P>>;
  /** Looks at the records that such a statement did not write, and says what came of each. */
  settle?(
    client: Queryable,
    target: ApplyTarget,
    left: readonly string[],
    params: P,
  ): Promise<ApplyCounts>;
}

/** What a table's rows must hold to. */
export interface TableCheck {
  /** SQL over columns of the table, by their own names: none breaks it for which it is null. */
  readonly condition: string;
  /** Unquoted. */
  readonly columns: readonly string[];
}

/** How an operation is offered beside a selection. */
export interface Offer {
  /** What follows the resource in the address of its form: `bulk-edit`. */
  readonly path: string;
  /** Of lucide's. */
  readonly icon: string;
  readonly tone: Tone;
  /** The page that its form is. */
  readonly view: FormView;
  /** A box is ticked before it begins. */
  readonly isAcknowledged: boolean;
  /** Where it is offered. */
  readonly on: readonly ('selection' | 'record')[];
}

export type Tone = 'primary' | 'plain' | 'danger';

/**
 * `bulk/edit` has fields with what is done to each, `bulk/delete` what goes along, `bulk/do`
 * controls of its own.
 */
export type FormView = 'bulk/edit' | 'bulk/delete' | 'bulk/do';

export interface Recreated {
  /** The task that deleted them. */
  readonly taskId: number;
  /** What bringing them back takes, also of what comes along. */
  readonly action: Action;
  /** Models of which records come along. */
  readonly models: readonly string[];
}

export interface Undone {
  readonly what?: { operation: string; parameters: unknown };
  readonly isRedo: boolean;
}

/**
 * Remembers the records of `keys`; what it returns is called when they are written, and says what
 * was altered.
 */
export type Watch<P = unknown> = (
  client: Queryable,
  target: ApplyTarget,
  keys: readonly string[],
  params: P,
) => Promise<() => Promise<readonly Alteration[]>>;

/** A field that does not hold what was put back, since a trigger altered it. */
export interface Alteration {
  model: string;
  /** Of the schema; a column's name where the schema has none for it. */
  field: string;
  /** The field was not put back by the undo, so what it held before is not known. */
  isBeside: boolean;
  keys: readonly string[];
}

export interface CheckContext {
  readonly client: Queryable;
  readonly registry: ResourceRegistry;
  readonly resource: Resource;
  readonly principal: Principal;
}

export interface PrepareContext {
  readonly client: Queryable;
  readonly registry: ResourceRegistry;
  readonly resource: Resource;
  readonly holdersOf: HoldersOf;
}

/** Who holds records of a model for another task, in words, by key. */
export type HoldersOf = (
  client: Queryable,
  model: string,
  keys: readonly string[],
) => Promise<ReadonlyMap<string, string>>;

/** Whether the table itself may write something else than it is told to. */
export interface Rewriting {
  readonly update: boolean;
  readonly insert: boolean;
}

export interface ApplyTarget {
  readonly resource: Resource;
  readonly t: TableNames;
  /** Major version of the server: 18 returns old values, earlier ones are asked first. */
  readonly serverVersion: number;
  /**
   * Where the table may write something else than it is told to, what is kept is read from the rows
   * as written.
   */
  readonly rewriting?: Rewriting;
  /**
   * The transaction will be rolled back in any case: code of the project's that reaches beyond it
   * is not called.
   */
  readonly isTrial?: boolean;
  /** Who does it, and as which chunk of which task; a form is neither. */
  readonly author: {
    taskId: number | null;
    chunk: number | Sql | null;
    principalId: string;
    principalName: string;
    changeReason: string | null;
  };
  /** Everybody reads images that are kept by column. Default: no. */
  readonly keepsByColumn?: boolean;
  /** Told of what the project's code throws, also where it is written without a client. */
  readonly log?: Through['log'];
  /**
   * Where the resource has rules of its own, or is written through the project's client: what they
   * need.
   */
  readonly through?: Through | null;
}

/**
 * The project's client inside the transaction that `apply` is called in, and who is told of what
 * its hooks throw.
 */
export interface Through {
  readonly tx: Client;
  readonly principal: Principal;
  /** What hooks may do with other records and tasks; null: a trial, which calls none. */
  readonly calls: WriteCalls | null;
  readonly log: (level: 'error', message: string, details?: Record<string, unknown>) => void;
}

export interface ApplyCounts {
  changed: number;
  /** Seen to have the value already; not written. */
  unchanged: number;
  /** Seen to be no longer there. */
  gone: number;
  /** Could not be changed; counted as failed, or as kept back. */
  refusals?: readonly Refusal[];
  /** Left alone because somebody else changed or holds them; counted as conflicted. */
  conflicts?: readonly Refusal[];
}

/** The row of a `statement`. */
export interface StatementRow extends Partial<ApplyCounts> {
  changed: number;
  /** Null: every one that was asked for was written, or is among the `unchanged`. */
  written?: string[] | null;
  /** Written, and stand as they were. */
  putBack?: string[] | null;
}

/** Records that were not changed, by reason. */
export interface Refusal {
  /**
   * SQLSTATE, with the constraint's name where the database gives one (`23514:city_rating_check`),
   * or a word of ours.
   */
  code: string;
  message: string;
  /** Name of the field to blame, where one is known. */
  field?: string | null;
  keys: readonly string[];
}
