import type { EnumMeta, FieldMeta, Metadata, RelationMeta } from '../metadata/contract.ts';
import type { Reader } from './reader.ts';

/** How a value is shown in a list or on a page. */
export interface Cell {
  text: string;
  align: 'start' | 'end';
  /** A value of a fixed set, shown as a badge of this name. */
  badge?: string;
  /** The related record: its model and natural id. */
  link?: { model: string; id: string };
}

/** A typed value, or a sentence that says what is wrong with the text. */
export type Parsed<T = unknown> = { value: T } | { error: string };

/** The control that a form shows for it; a kind may draw one of its own instead (`control`). */
export type InputKind =
  | 'text'
  | 'number'
  | 'checkbox'
  | 'select'
  | 'date-time'
  | 'textarea'
  | 'relation'
  | 'relations'
  | 'none';

export type FilterKind = 'choice' | 'boolean' | 'relation' | 'range';

/** A template of the project's own, in Eta, beside the file of its kind. */
export interface KindView<Shown> {
  /** `new URL('./money.eta', import.meta.url)` */
  readonly view: URL;
  /** What the template reads as `it.data`. */
  readonly data?: (shown: Shown) => object;
}

/** What a control shows: `toForm`'s text, or what was typed. */
export interface ShownControl {
  text: string;
  field: ResourceField;
  reader: Reader;
}

/** What a cell shows: a value that is not null, and its text by `format`. */
export interface ShownCell extends ShownControl {
  value: unknown;
}

/**
 * How one kind of value is shown, read from a form, filtered, and changed in bulk. Every member
 * passes the contract suite.
 */
export interface FieldKind {
  readonly name: string;
  readonly input: InputKind;
  /** Drawn in place of the control that `input` names. */
  readonly control?: KindView<ShownControl>;
  /** Drawn in place of the text that `format` gives, in lists and on the page of a record. */
  readonly cell?: KindView<ShownCell>;
  /** The quick control above a list; null: none. */
  readonly filter: FilterKind | null;
  readonly isSortable: boolean;
  readonly isSearchable: boolean;
  /** Without a reader, as anybody in UTC sees it. */
  format(value: unknown, field: ResourceField, reader?: Reader): Cell;
  /**
   * What a form control shows, which `parse` reads back as the same value; lists for many-to-many.
   */
  toForm(value: unknown, field: ResourceField, reader?: Reader): string | string[];
  /**
   * Typed value from a form control. Empty is null where the field is optional, an error where it
   * is required.
   */
  parse(
    input: string | readonly string[] | undefined,
    field: ResourceField,
    reader?: Reader,
  ): Parsed;
  /** Text that Postgres casts to the field's type; a list for many-to-many and scalar lists. */
  toSql(value: unknown, field: ColumnField): string | string[] | null;
  /**
   * The value that `format` and `toForm` take, of the text that PostgreSQL writes of it; of a list,
   * of a JSON array of such texts.
   */
  fromText(text: string, field: ColumnField): unknown;
  /** How a filter may compare it, the most usual first; none where it cannot be filtered. */
  operators(field: ResourceField): readonly FilterOperator[];
}

/**
 * What a filter compares with: nothing, one value, any of several, from and to, or a number of
 * hours, days or weeks.
 */
export type OperatorInput = 'none' | 'one' | 'many' | 'range' | 'span';

/** What reading a filter needs to know besides its own text. */
export interface FilterContext extends Reader {
  readonly metadata: Metadata;
  readonly now: Date;
  /**
   * Condition on the records of a related model that the reader may see; null: all of them, `{ OR:
   * [] }`: none.
   */
  scopeOf(model: string): Record<string, unknown> | null;
}

/** One way to compare a field, as `path-name=value` in the URL; `is` has no name there. */
export interface FilterOperator {
  readonly name: string;
  /** `is`, `at least`: follows the field's label, comes before the value. */
  readonly label: string;
  readonly input: OperatorInput;
  /** Of an operator without input: what stands in the URL for it. */
  readonly value: string | null;
  /** A record without a value meets it. */
  readonly includesEmpty: boolean;
  /**
   * A value in words, where it is not read as the field's own is; else it is said as the field
   * shows it; null: it cannot be read.
   */
  words?(text: string, field: ResourceField, reader: Reader): string | null;
  /**
   * A Prisma `where` from values, or what is wrong with them. Never empty: an empty one would match
   * every record.
   */
  where(
    values: readonly string[],
    field: ResourceField,
    context: FilterContext,
  ): Parsed<Record<string, unknown>>;
}

/** A column, whoever shows it. */
export type ColumnField = Pick<ResourceField, 'meta'>;

/** A field as a resource uses it. */
export interface ResourceField {
  /**
   * Its name in URLs and forms: of the relation for a foreign key (`country`), else of the field.
   */
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
