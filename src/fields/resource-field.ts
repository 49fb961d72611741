import type { FieldKind } from './contract.ts';
import type { EnumMeta, FieldMeta, RelationMeta } from '../metadata/contract.ts';

/** A column, whoever shows it. */
export type ColumnField = Pick<ResourceField, 'meta'>;

/** A field as a resource uses it. */
export interface ResourceField {
  /** Its name in URLs and forms: of the relation for a foreign key (`country`), else of the field. */
  readonly name: string;
  readonly label: string;
  /** What is read and written: the foreign key's scalar for a to-one relation (`countryCode`). */
  readonly meta: FieldMeta;
  /** To-one and many-to-many. */
  readonly relation: RelationMeta | null;
  readonly enum: EnumMeta | null;
  /** In place of the kind of its column. */
  readonly kind: FieldKind | null;
  /** A sentence beside its control. */
  readonly help: string | null;
  /** In no page; a form takes a new value and shows none. */
  readonly isSecret: boolean;
  /** Shown in forms, not written. */
  readonly isReadOnly: boolean;
  readonly align: 'start' | 'end' | null;
  /** The resource's own words for a value that is not null. */
  readonly format: ((value: unknown) => string) | null;
  readonly link: ((value: unknown) => string | null) | null;
}
