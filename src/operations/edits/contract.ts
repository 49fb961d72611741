import type { Sql } from '../../db/sql.ts';
import type { Queryable } from '../../db/transaction.ts';
import type { Parsed, ResourceField } from '../../fields/contract.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import type { Resource } from '../../resources/contract.ts';

/** What may be done to a field in bulk. */
export const editNames = [
  'set',
  'fill',
  'clear',
  'empty',
  'append',
  'prepend',
  'find-replace',
  'find-replace-pattern',
  'trim',
  'letter-case',
  'increase',
  'multiply',
  'percent',
  'round',
  'shift',
  'toggle',
  'add',
  'remove',
  'replace',
  'copy',
] as const;
export type EditName = (typeof editNames)[number];

/**
 * A value as text that PostgreSQL reads for the field's type; a list for lists and many-to-many;
 * null is empty.
 */
export type FieldText = string | readonly string[] | null;

/** What a form sent for one field, by the name of the control; absent is an empty list. */
export type Controls = (control: string) => readonly string[];

/** One control of an edit. Its name in a form is `name.field`: `value.status`, `find.notes`. */
export interface EditInput {
  readonly name: string;
  /** field: the control of the field itself, as the record's form has it. */
  readonly control: 'field' | 'text' | 'number' | 'choice' | 'field-name';
  /** What may be chosen. */
  readonly choices?: readonly string[];
}

export interface SqlPlace {
  readonly field: FieldMeta;
  /** The value there is now. */
  readonly current: Sql;
  /** Another field of the same record. */
  columnOf(field: string): Sql;
  metaOf(field: string): FieldMeta;
}

export interface TwinPlace {
  readonly field: FieldMeta;
  /** Another field of the same record. */
  other(field: string): FieldText;
  metaOf(field: string): FieldMeta;
}

/**
 * What can be done to a field in bulk: one file a kind. `V` is plain JSON and stays with the task.
 * An edit that works on the value there is leaves an empty field empty. The value there is already
 * is never written again.
 */
export interface Edit<V = unknown> {
  readonly name: EditName;
  fits(field: ResourceField, resource: Resource): boolean;
  /** Its controls in the dialog, in order; none where there is nothing to say. */
  inputs(field: ResourceField, resource: Resource): readonly EditInput[];
  /** What is wrong with the input is named here, before anything starts. */
  parse(controls: Controls, field: ResourceField, resource: Resource): Parsed<V>;
  /** How long it takes hangs on the records so much that it is tried out before it is started. */
  readonly isAlwaysPreviewed?: boolean;
  /** What only the database can say of the value; null when nothing is wrong. */
  check?(value: V, client: Queryable, field: ResourceField): Promise<string | null>;
  /**
   * SQL of the new value. It stands for one record in several places: the same values in each, in
   * the same order.
   */
  sql(value: V, place: SqlPlace): Sql;
  /** Every record gets the same value, so that one image of it is enough. */
  readonly isConstant: boolean;
  /**
   * May the new value be one that there is no room for? Then it is only worked out for records of
   * the task.
   */
  readonly canOverflow: boolean;
  /** The same on plain values. Throws `NoRoom` where PostgreSQL would refuse the value. */
  twin(current: FieldText, value: V, place: TwinPlace): FieldText;
  /** In words, without the field's name: `set to draft`. */
  describe(value: V, field: ResourceField, resource: Resource): string;
}

/** A value that the column has no room for. */
export class NoRoom extends Error {}
