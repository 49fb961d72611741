import type { Principal } from '../auth/principal.ts';
import type { FieldKind } from '../fields/contract.ts';
import type { Notify } from '../notify.ts';
import type { BackendChoice } from '../queue/backend.ts';
import type { Unique } from '../unique.ts';
import type { Action } from './actions.ts';
import type { OperationDefinition } from './define-operation.ts';
import type { Descendant, Errors, Hooks, TransactionClient, ValidateContext } from './hooks.ts';
import type { FinishLanding, Landing, LaunchLanding } from './landing.ts';
import type { AnyModel, ModelTypes } from './model-types.ts';

type Sort<N extends string> = N | `-${N}`;

type ValueOf<T extends ModelTypes, N> = N extends keyof T['record'] ? T['record'][N] : unknown;

/** What a developer writes about a resource; everything has a default made from the schema. */
export interface ResourceOptions<T extends ModelTypes = AnyModel, Needs = Record<string, string>> {
  /** First segment of its URLs. Default: the model's plural, `cities`. */
  slug?: string;
  /** Plural, at the head of the list: `Cities`. */
  label?: string;
  /** Singular, in texts about one record: `City`. */
  singular?: string;
  /** Of lucide's, by name: `shopping-cart`. Default: guessed from its name. */
  icon?: string;
  /** Heading that it stands under in the navigation. Default: that of the data. */
  group?: string;
  /**
   * The field that tells people which record it is. Default: `title`, `name` or the like, else the
   * first text, else the id.
   */
  titleField?: T['field'];
  /** Fields one by one: label, help, format, who sees and changes them. */
  fields?: OptionsByField<T>;
  /**
   * Columns of the list, in order: fields, fields of to-one relations (`country.region`), computed
   * columns by their name.
   */
  columns?: readonly (T['field'] | T['related'] | (keyof NoInfer<Needs> & string))[];
  /** Columns that are made of a record's fields. */
  computed?: ComputedColumns<T, Needs>;
  /**
   * Quick controls above the list. Every field can be filtered with the builder, whatever is named
   * here.
   */
  filters?: readonly T['field'][];
  /** Text fields that the search box looks in. */
  search?: readonly T['field'][];
  /**
   * Order of the list when the URL names none: `'name'`, `['country.name', '-population']`. The id
   * comes last by itself.
   */
  defaultSort?: Sort<T['field'] | T['related']> | readonly Sort<T['field'] | T['related']>[];
  /**
   * Records up to which the list is counted exactly and its pages are numbered. Default: the
   * setting of this name, 10,000.
   */
  countLimit?: number;
  /** The new and edit pages, in order, plain or in groups. */
  form?: Arrangement<T['field']>;
  /**
   * The page of one record, in order, plain or in groups. Default: every field that can be shown.
   */
  show?: Arrangement<T['field']>;
  /**
   * What a principal may do. Default: `viewer` lists; `editor` also creates, updates and
   * bulk-updates; `admin` everything.
   */
  permissions?: (principal: Principal) => readonly Action[];
  /**
   * Rows that the principal may see and change, as a Prisma `where`. A value that is `undefined` in
   * it is refused when it is used.
   */
  scope?: (principal: Principal) => T['where'];
  /**
   * Who sees tasks about its records that others started. Default: administrators whose row scope
   * is every record.
   */
  tasks?: (principal: Principal) => boolean;
  /**
   * Where somebody is led who has launched a task of its records to the background: its progress in
   * the dialog, its page, the list. Without JavaScript the dialog is its page. Default: `dialog`.
   */
  afterLaunch?: Landing<LaunchLanding>;
  /**
   * What whoever watches it in the dialog is shown when it ends, or has ended at once: a toast, its
   * page. Default: `toast`.
   */
  afterFinish?: Landing<FinishLanding>;
  /** Who is told, and how, that a task of its records has ended. Default: as the admin says. */
  notify?: Notify;
  /**
   * A class of the project's own that extends `TaskManager`: what is launched from this resource is
   * its to say. Default: that of the admin.
   */
  taskManager?: new (
    ...given: never[]
  ) => object;
  /** What its constructor takes beside. */
  taskManagerArguments?: readonly unknown[];
  /**
   * Looks at a record before it is written, by a form or in bulk; returns what is wrong, by field.
   */
  validate?: (record: T['draft'], context: ValidateContext<T>) => Errors<T> | Promise<Errors<T>>;
  /**
   * Records that belong to these, and are held with them while a task works on them: for ids, as
   * addresses have them, which one belongs to which. `tx` is your client; it only looks.
   */
  descendants?: (
    keys: readonly string[],
    tx: TransactionClient,
  ) => readonly Descendant[] | Promise<readonly Descendant[]>;
  /** Code of yours around every write. */
  hooks?: Hooks<T>;
  /**
   * `sql`: bulk changes are statements on sets of records; extensions of your Prisma client do not
   * run. `client`: they go through your client, so that its extensions run, and take longer.
   * Default: `client` where your client is extended, else `sql`. Forms always go through the
   * client.
   */
  writeThrough?: WriteThrough;
  /** Operations of your own, made by `defineOperation`, in the order of their buttons. */
  operations?: readonly OperationDefinition[];
  /** Rules of changing many records at once. */
  bulk?: BulkOptions<T>;
}

/**
 * `sql`: statements on sets of records; `client`: the project's Prisma client, whose extensions
 * run.
 */
export type WriteThrough = 'sql' | 'client';

/** Fields in order, plain or in groups; what stands outside a group has no heading. */
export type Arrangement<N extends string> = readonly (N | FieldGroupOptions<N>)[];

/** Fields of a form or a page that stand together under a heading. */
export interface FieldGroupOptions<N extends string = string> {
  /** Its heading. */
  label: string;
  /** A sentence under the label. */
  help?: string;
  /** What stands under it, in order. */
  fields: readonly N[];
}

/** How one field is shown, read and written. */
export interface FieldOptions<V = unknown> {
  /** In columns, forms, filters and messages. Default: made from its name. */
  label?: string;
  /** A sentence beside the control of a form. */
  help?: string;
  /** In forms it is shown and not written; bulk edit does not offer it. Hooks may still set it. */
  readOnly?: boolean;
  /** In no page of this resource: no column, filter, sort, search, form, history. */
  hidden?: boolean;
  /**
   * It is shown to nobody: no column, page, filter, sort, search, history, message. Its form takes
   * a new value, and shows none. Default: what its name tells (`passwordHash`, `apiKey`,
   * `recoveryCodes`); of texts, JSON and bytes only.
   */
  secret?: boolean;
  /** The value in words, in lists and on the page of a record. Not called for null. */
  format?: (value: V & {}) => string;
  /** Side of the column its values stand on. Default: numbers `end`, all else `start`. */
  align?: 'start' | 'end';
  /**
   * Where the value leads to: a path of this site or an https address; null for no link. Not called
   * for null.
   */
  link?: (value: V & {}) => string | null;
  /**
   * How its values are shown, read and compared, in place of the kind of its column; not of a
   * relation.
   */
  kind?: FieldKind;
  /** Who sees it. Who does not can neither filter nor sort by it. Default: who may list. */
  see?: (principal: Principal) => boolean;
  /** Who changes it, by form or in bulk. Default: who may update. */
  change?: (principal: Principal) => boolean;
}

/** Options of single fields, by their names. */
export type OptionsByField<T extends ModelTypes> = {
  readonly [N in T['field'] | T['key']]?: N extends T['key']
    ? KeyOptions
    : FieldOptions<ValueOf<T, N>>;
};

/** What is said of a foreign key by its own name; all else is said of its relation. */
export type KeyOptions = Pick<FieldOptions, 'see' | 'change' | 'hidden' | 'secret'>;

/** Computed columns, by their names. */
export type ComputedColumns<T extends ModelTypes, Needs> = {
  readonly [N in keyof Needs]: ComputedColumn<T, Needs[N] & keyof T['record']>;
};

/** A column made of fields that are read for it; it has no filter and no order of its own. */
export interface ComputedColumn<
  T extends ModelTypes = AnyModel,
  N extends keyof T['record'] = keyof T['record'],
> {
  /** Default: made from its name. */
  label?: string;
  /** Fields that `value` and `link` read; no other is loaded. */
  needs: readonly N[];
  /** What is shown of a record; null for nothing. */
  value: (record: Pick<T['record'], N>) => string | number | bigint | null;
  /** Default: `end` where the value is a number. */
  align?: 'start' | 'end';
  /** Where it leads: a path of this site or an https address; null for no link. */
  link?: (record: Pick<T['record'], N>) => string | null;
}

/** What bulk edit and bulk delete are asked about, before a task is launched. */
export interface BulkSelection {
  /** Records it holds. */
  readonly count: number;
  /**
   * Rows of others that are written along, as far as they were counted: what a delete takes along,
   * keys that follow, links.
   */
  readonly cascadeCount: number;
  /** Ticked one by one, or everything that matches a filter. */
  readonly kind: 'ticked' | 'matching';
  /** Name of the operation: `update`, `delete`, or one of your own. */
  readonly operation: string;
}

/** A launch of bulk work, as `bulk.unique` is asked about it: no record has been read. */
export interface UniqueLaunch {
  readonly principal: Principal;
  /** Name of the operation: `update`, `delete`, or one of your own. */
  readonly operation: string;
  /** As the operation reads them. */
  readonly parameters: unknown;
  /**
   * What is selected: a filter as in an address, keys where they were ticked or given, and what code
   * asked for.
   */
  readonly selection: {
    readonly filter: string;
    readonly keys: readonly string[] | null;
    /** Keys that were left out of what the filter matches. */
    readonly exclusions: readonly string[] | null;
    readonly where: unknown;
  };
}

/** How records of a resource are changed in bulk. */
export interface BulkOptions<T extends ModelTypes = AnyModel> {
  /** Fields offered by bulk edit. Default: every editable field that is not unique. */
  fields?: readonly T['field'][];
  /** Is bulk delete offered at all? Default: yes, to who may. */
  delete?: boolean;
  /**
   * May tasks run in the background? Default: yes. If not, each runs within its request, all or
   * nothing, at most 10,000 records.
   */
  background?: boolean;
  /**
   * What runs tasks that are not done within their request: `queue`, `in-process`, a name among the
   * `backends` of the admin, or a function that gives one for a launch; `inline`: as `background:
   * false`. Default: the setting of this name.
   */
  backend?: BackendChoice;
  /**
   * Records, with what is written along, from which on a task runs in the background. Default: the
   * setting of this name, 20.
   */
  minAsyncRecords?: number;
  /**
   * Decides instead of `minAsyncRecords`. At most 10,000 records, with what is written along, run
   * within a request, whatever it says.
   */
  runInBackground?: (selection: BulkSelection, principal: Principal) => boolean;
  /** Runners working on one task side by side. */
  parallelism?: number;
  /** Most records in a chunk. */
  chunkSize?: number;
  /**
   * What is not to be under way twice, and what a launch does where it is. `key` says it of launches
   * of one operation: two operations are never the same. Default: the same change of the same
   * selection by the same person, who is given the task that is at it. Retries, undos and redos are
   * not asked, nor is what a record's own pages do.
   */
  unique?: Unique<UniqueLaunch>;
  /**
   * Records of an unfinished task are held: nobody else changes them meanwhile. `{ off: reason }`
   * holds nothing and asks nobody; the reason is shown in the task's details.
   */
  locks?: 'on' | { off: string };
  /**
   * `all`: a background task too is all or nothing, in one transaction, of at most 10,000 records.
   * Default: good ones are kept.
   */
  atomic?: 'all';
  /**
   * Share of refused records, above 0 to 1, above which a task stops itself once 1,000 are done.
   * Default: the setting of this name, 0.5.
   */
  stopRatio?: number;
  /**
   * Milliseconds that somebody may be at a background task, waits and pauses left out; then it has
   * failed, `time-limit`, and what it did stays. Default: the setting of this name, any.
   */
  taskLimitMs?: number;
  /**
   * Is a reason asked for? `{ requiredAbove: n }` asks always and insists above n records. Default:
   * `never`.
   */
  reason?: 'never' | 'optional' | { requiredAbove: number };
}
