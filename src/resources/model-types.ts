import type { Metadata } from '../metadata/contract.ts';
import type { Where } from './client.ts';

/** What the options of a resource know about their model. */
export interface ModelTypes {
  /** Every field, relations by their own name, and in place of their keys. */
  field: string;
  /** Foreign keys of one column, which are called by their relation. */
  key: string;
  /** Fields of related records: `country.region`. */
  related: string;
  /** A record's own values, without relations, as Prisma's client reads them. */
  record: object;
  /** A record that is about to be written: what the database fills in may not be there yet. */
  draft: object;
  /** Conditions, as Prisma's client takes them. */
  where: SomeWhere;
}

/**
 * Has the compiler take `'draft'` for that word and not for any text, before it knows which model
 * it is about.
 */
interface SomeWhere {
  readonly [name: string]: '' | 0 | true | SomeWhere | NonNullable<unknown> | null | undefined;
}

/** A model of which nothing is known until the program runs. */
export interface AnyModel extends ModelTypes {
  key: never;
  record: Record<string, unknown>;
  draft: Record<string, unknown>;
  where: Where;
}

/** What is known of a model, as the generator wrote it. */
export type TypesOf<M, K> = K extends keyof M
  ? M[K] extends ModelTypes
    ? M[K]
    : AnyModel
  : AnyModel;

type OfModel<M extends Metadata, K> = M extends Metadata<infer T> ? TypesOf<T, K> : never;

/** Names of a model's fields; a foreign key is called by its relation. */
export type FieldName<M extends Metadata, K> = OfModel<M, K>['field'];

/** `country.region`: a field of the record that a to-one relation points at. */
export type RelatedName<M extends Metadata, K> = OfModel<M, K>['related'];

/**
 * A record's own values, without relations, as Prisma's client reads them: `Decimal`, `bigint`,
 * `Date`.
 */
export type RecordOf<M extends Metadata, K> = OfModel<M, K>['record'];

/**
 * A record that is about to be written: of a new one, what the database fills in is not there yet.
 */
export type DraftOf<M extends Metadata, K> = OfModel<M, K>['draft'];
