import type { Principal } from '../auth/principal.ts';
import type { ResourceField } from '../fields/resource-field.ts';
import type { Metadata, ModelMeta } from '../metadata/contract.ts';
import type { WhereSql } from './where-sql.ts';

/** A Prisma `where` (plain object). */
export type Where = Record<string, unknown>;

/** What may be done with a resource. Not granted is denied. */
export type Action = 'list' | 'create' | 'update' | 'delete' | 'bulk-update' | 'bulk-delete';

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
  /** Rows the principal may see and change, as a Prisma `where`. */
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

/** A model made administrable: options completed, checked and frozen. */
export interface Resource {
  readonly slug: string;
  readonly label: string;
  readonly singular: string;
  readonly model: ModelMeta;
  readonly metadata: Metadata;
  readonly titleField: string;
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
  scope(principal: Principal): Where | null;
}

export type { ResourceField } from '../fields/resource-field.ts';

/** Everything a running Bulkhead administers. */
export interface Register {
  readonly list: readonly Resource[];
  readonly client: Client;
  /** A `where` as the SQL that Prisma would run. */
  readonly whereSql: WhereSql;
  /** Throws 404. */
  get(slug: string): Resource;
  /** Title field and resource of a related model, whether or not it has pages. */
  titleFieldOf(model: string): string;
}
