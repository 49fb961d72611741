import type { Principal } from '../auth/principal.ts';
import type { ResourceField } from '../fields/resource-field.ts';
import type { Metadata, ModelMeta } from '../metadata/contract.ts';
import type { WhereSql } from './where-sql.ts';

/** A Prisma `where` (plain object). */
export type Where = Record<string, unknown>;

/** What may be done with a resource. Not granted is denied; without `list` the resource is not there at all. */
export const actions = ['list', 'create', 'update', 'delete', 'bulk-update', 'bulk-delete'] as const;
export type Action = (typeof actions)[number];

/** The part of a Prisma model delegate that Bulkhead calls. */
export interface Delegate {
  findMany(args: object): Promise<Record<string, unknown>[]>;
  findFirst(args: object): Promise<Record<string, unknown> | null>;
  count(args: object): Promise<number>;
  create(args: object): Promise<Record<string, unknown>>;
  update(args: object): Promise<Record<string, unknown>>;
  delete(args: object): Promise<Record<string, unknown>>;
}

/** The part of a user's Prisma client that Bulkhead calls; delegates are reached by name. */
export interface Client {
  $transaction<T>(run: (tx: Client) => Promise<T>, options?: object): Promise<T>;
  $queryRawUnsafe<T>(sql: string, ...values: unknown[]): Promise<T>;
  $executeRawUnsafe(sql: string, ...values: unknown[]): Promise<number>;
}

/** What a developer writes about a resource; everything has a default made from metadata. */
export interface ResourceOptions {
  /** First segment of its URLs: `cities`. */
  slug?: string;
  /** Plural: `Cities`. */
  label?: string;
  /** Singular: `City`. */
  singular?: string;
  /** The field that titles a record. */
  titleField?: string;
  /** Columns of the list, in order. */
  columns?: readonly string[];
  filters?: readonly string[];
  /** Text fields the search box looks in. */
  search?: readonly string[];
  /** `name` or `-population`. */
  defaultSort?: string;
  /** Fields of the new and edit pages, in order. */
  form?: readonly string[];
  /** Labels by field name. */
  labels?: Readonly<Record<string, string>>;
  /** Which actions a principal may take. Default: viewer lists; editor also creates, updates and bulk-updates; admin everything. */
  permissions?: (principal: Principal) => readonly Action[];
  /**
   * Who sees a field and who changes it; anything but `true` denies. A field that may not be seen is on no page and in no
   * filter, sort, search, picker, message or history.
   */
  fields?: Readonly<Record<string, FieldRules>>;
  /** Rows the principal may see and change, as a Prisma `where`; `{}` is every row, and anything that is no `where` denies. */
  scope?: (principal: Principal) => Where;
  bulk?: {
    /** Fields offered by bulk edit. Default: every editable field that is not unique. */
    fields?: readonly string[];
    minAsyncRecords?: number;
    /** Drains working on one task side by side. */
    parallelism?: number;
    /** Records in a chunk. */
    chunkSize?: number;
  };
}

export interface FieldRules {
  /** Default: who may list. */
  readonly see?: (principal: Principal) => boolean;
  /** Default: who may see it. */
  readonly change?: (principal: Principal) => boolean;
}

/** A model made administrable: options completed, checked and frozen. */
export interface Resource {
  readonly slug: string;
  readonly label: string;
  readonly singular: string;
  readonly model: ModelMeta;
  readonly metadata: Metadata;
  readonly titleField: string;
  /** Every field, in the schema's order. */
  readonly fields: readonly ResourceField[];
  readonly columns: readonly ResourceField[];
  readonly filters: readonly ResourceField[];
  readonly search: readonly ResourceField[];
  readonly form: readonly ResourceField[];
  readonly bulkFields: readonly ResourceField[];
  readonly defaultSort: string;
  readonly minAsyncRecords: number;
  readonly parallelism: number;
  readonly chunkSize: number;
  permissions(principal: Principal): readonly Action[];
  /** By name of a field or of its column. */
  canSee(principal: Principal, field: string): boolean;
  canChange(principal: Principal, field: string): boolean;
  /** Null: every record. Throws AppError 403 where the project's rule gives no answer that can be used. */
  scope(principal: Principal): Where | null;
  /** Where records of a related model are administered; null where they are not, or not for this principal. */
  related(model: string): Resource | null;
}

export type { ResourceField } from '../fields/resource-field.ts';

/** Everything a running Bulkhead administers. */
export interface Register {
  readonly list: readonly Resource[];
  readonly client: Client;
  /** A `where` as the SQL that Prisma would run. */
  readonly whereSql: WhereSql;
  /** The resource as nobody in particular sees it, for start-up and the engine's own work; throws 404. Pages use `for`. */
  get(slug: string): Resource;
  /**
   * The resource as this principal sees it: without what they may not see or change. Throws 404 where they may not list
   * it, 403 where their row scope cannot be read.
   */
  for(principal: Principal, slug: string): Resource;
  /** Every resource that this principal may list, as they see it. */
  listFor(principal: Principal): readonly Resource[];
  /** Title field and resource of a related model, whether or not it has pages. */
  titleFieldOf(model: string): string;
}
