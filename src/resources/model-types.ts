import type { Decimal } from '@prisma/client/runtime/client';
import type { Metadata } from '../metadata/contract.ts';

/** What Prisma's client gives for each scalar type. */
interface ScalarValues {
  String: string;
  Int: number;
  BigInt: bigint;
  Float: number;
  Decimal: Decimal;
  Boolean: boolean;
  DateTime: Date;
  Json: unknown;
  Bytes: Uint8Array;
}

type FieldsOf<M extends Metadata, K extends keyof M['models']> = M['models'][K]['fields'];

type Single<M extends Metadata, F> = F extends {
  kind: 'enum';
  type: infer E extends keyof M['enums'];
}
  ? M['enums'][E]['values'][number]['name']
  : F extends { type: infer T extends keyof ScalarValues }
    ? ScalarValues[T]
    : never;

type ValueOf<M extends Metadata, F> = F extends { isList: true }
  ? Single<M, F>[]
  : F extends { isRequired: true }
    ? Single<M, F>
    : Single<M, F> | null;

type ColumnMeta = { kind: 'scalar' | 'enum' };

/** Not known before the database has written the row: ids it makes, `now()`, `@updatedAt`. */
type Filled = { default: { name: string } } | { isUpdatedAt: true };

/** Names of a model's fields, known to the compiler where the metadata is the generator's own. */
export type FieldName<M extends Metadata, K extends keyof M['models']> = keyof FieldsOf<M, K> &
  string;

/** `country.region`: a field of the record that a to-one relation points at. */
export type RelatedName<M extends Metadata, K extends keyof M['models']> =
  string extends FieldName<M, K>
    ? string
    : {
        [N in FieldName<M, K>]: FieldsOf<M, K>[N] extends {
          relation: { kind: 'to-one'; model: infer R extends keyof M['models'] };
        }
          ? `${N}.${FieldName<M, R>}`
          : never;
      }[FieldName<M, K>];

/**
 * A record's own values, without relations, as Prisma's client reads them: `Decimal`, `bigint`,
 * `Date`.
 */
export type RecordOf<M extends Metadata, K extends keyof M['models']> =
  string extends FieldName<M, K>
    ? Record<string, unknown>
    : {
        [N in FieldName<M, K> as FieldsOf<M, K>[N] extends ColumnMeta ? N : never]: ValueOf<
          M,
          FieldsOf<M, K>[N]
        >;
      };

/**
 * A record that is about to be written: of a new one, what the database fills in is not there yet.
 */
export type DraftOf<M extends Metadata, K extends keyof M['models']> =
  string extends FieldName<M, K>
    ? Record<string, unknown>
    : {
        [N in FieldName<M, K> as FieldsOf<M, K>[N] extends ColumnMeta
          ? FieldsOf<M, K>[N] extends Filled
            ? never
            : N
          : never]: ValueOf<M, FieldsOf<M, K>[N]>;
      } & {
        [N in FieldName<M, K> as FieldsOf<M, K>[N] extends ColumnMeta & Filled
          ? N
          : never]?: ValueOf<M, FieldsOf<M, K>[N]>;
      };

/** What the options of a resource know about their model. */
export interface ModelTypes {
  /** Every field, relations by their own name. */
  field: string;
  /** Fields of related records. */
  related: string;
  record: object;
  draft: object;
}

/** A model of which nothing is known until the program runs. */
export interface AnyModel extends ModelTypes {
  record: Record<string, unknown>;
  draft: Record<string, unknown>;
}

export interface TypesOf<M extends Metadata, K extends keyof M['models']> extends ModelTypes {
  field: FieldName<M, K>;
  related: RelatedName<M, K>;
  record: RecordOf<M, K>;
  draft: DraftOf<M, K>;
}
