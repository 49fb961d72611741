import type { EnumMeta, FieldMeta, RelationMeta } from '../metadata/contract.ts';

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
}
