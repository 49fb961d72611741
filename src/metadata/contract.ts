/**
 * What Bulkhead's Prisma generator writes about a schema; every other room reads models only
 * through this.
 */
export interface Metadata<M = unknown> {
  readonly models: Readonly<Record<ModelName<M>, ModelMeta>>;
  /** Enum name → its values: `name` in Prisma's client, `dbName` in the database. */
  readonly enums: Readonly<Record<string, EnumMeta>>;
  /**
   * The Postgres schema of tables that name none, until the database's address names another; null
   * when all are named.
   */
  readonly defaultSchema?: string | null;
  /** Read from a database that has no schema: where its names are not Prisma's, labels are its. */
  readonly isFound?: boolean;
  /**
   * Where `bulkhead generate` had it from: the project's schema, and the copy that the client was
   * made of.
   */
  readonly source?: { readonly path: string; readonly copy: string };
  /** For the compiler alone, which knows the models by it. */
  readonly [types]?: M;
}

declare const types: unique symbol;

/** Models that may be named: any, where the compiler knows none. */
export type ModelName<M> = keyof M extends never ? string : keyof M & string;

export interface EnumMeta {
  readonly name: string;
  /** Qualified, quoted database type, e.g. `"gazetteer"."city_status"`. */
  readonly sqlType: string;
  readonly values: readonly { readonly name: string; readonly dbName: string }[];
}

export interface ModelMeta {
  readonly name: string;
  /** Property of the Prisma client: `client.city`. */
  readonly delegate: string;
  /** Qualified, quoted table: `"gazetteer"."city"`. */
  readonly table: string;
  readonly dbSchema: string;
  readonly dbTable: string;
  /** A view is read-only, and so is what has no usable id. */
  readonly isView: boolean;
  /**
   * Names of the fields that make up the id, or a required unique in its place, in order; empty
   * when none can address a record.
   */
  readonly idFields: readonly string[];
  /** Prisma's name of a composite id in `where` (`a_b`), else null. */
  readonly compositeIdName: string | null;
  readonly uniques: readonly (readonly string[])[];
  readonly fields: Readonly<Record<string, FieldMeta>>;
  /**
   * Required columns that no form can write and the database does not fill: no record can be made.
   */
  readonly unwritable: readonly string[];
  readonly documentation: string | null;
  /** The table's comment. Known at the start by the database itself, as the next one. */
  readonly comment?: string;
  /** The server that a foreign table is on. */
  readonly foreignServer?: string;
  /** Other tables inherit from this one, whose rows are its own too: an id may be there twice. */
  readonly hasHeirs?: boolean;
  /** Some of its columns are of a domain that is never empty. */
  readonly hasStrictDomains?: boolean;
}

export type ScalarType =
  | 'String'
  | 'Int'
  | 'BigInt'
  | 'Float'
  | 'Decimal'
  | 'Boolean'
  | 'DateTime'
  | 'Json'
  | 'Bytes';

export interface FieldMeta {
  readonly name: string;
  readonly kind: 'scalar' | 'enum' | 'relation' | 'unsupported';
  /** ScalarType, enum name or related model's name. */
  readonly type: string;
  /** Quoted column; null for relations. */
  readonly column: string | null;
  /** The same as the database has it, unquoted. */
  readonly dbColumn: string | null;
  /**
   * SQL type for casts: `integer`, `numeric(3,1)`, `timestamptz`, `"gazetteer"."city_status"`, with
   * `[]` for lists; null for relations.
   */
  readonly sqlType: string | null;
  readonly isRequired: boolean;
  readonly isList: boolean;
  /** One of its model's `idFields`. */
  readonly isId: boolean;
  readonly isUnique: boolean;
  readonly isUpdatedAt: boolean;
  readonly hasDefault: boolean;
  /**
   * The default's literal value (a decimal and a big integer as text), or `{ name: 'now' |
   * 'autoincrement' | 'uuid' | … }`, or null.
   */
  readonly default: unknown;
  /**
   * The database makes the value of every record: it cannot be written. Known by
   * `@default(dbgenerated())`, and at the start by the database itself.
   */
  readonly isGenerated: boolean;
  /**
   * The column's collation finds texts equal that differ, and PostgreSQL has no patterns for it.
   * Known at the start by the database itself.
   */
  readonly isLoose?: boolean;
  /** The column's comment. Known at the start by the database itself. */
  readonly comment?: string;
  /** It keeps what lets somebody in. Known when the resources are built. */
  readonly isSecret?: boolean;
  /** Of an enum. */
  readonly enumValues: EnumMeta['values'] | null;
  /** A foreign key of this column alone: the relation field that owns it. */
  readonly foreignKeyOf: string | null;
  readonly relation: RelationMeta | null;
  readonly documentation: string | null;
}

export interface RelationMeta {
  readonly model: string;
  readonly kind: 'to-one' | 'to-many' | 'many-to-many';
  /** The field of the related model that is this relation's other end. */
  readonly opposite: string | null;
  /** To-one that holds the foreign key: its own fields and the fields they point at. */
  readonly fromFields: readonly string[];
  readonly toFields: readonly string[];
  /**
   * Implicit many-to-many: qualified join table, and which of its columns (`"A"`, `"B"`) is this
   * side.
   */
  readonly joinTable: string | null;
  readonly ownColumn: string | null;
  readonly otherColumn: string | null;
}
