import type { ResourceField } from '../fields/contract.ts';
import { textsOf } from '../form-texts.ts';
import type { EditName } from './edits/contract.ts';

/**
 * What is done to one chosen field. The value is what the change made of its input, as plain JSON.
 */
export interface FieldEdit {
  /** Name in the metadata: of the foreign key's scalar for a to-one relation. */
  readonly field: string;
  readonly change: EditName;
  readonly value: unknown;
}

export interface UpdateParameters {
  readonly changes: readonly FieldEdit[];
}

/** Ids of related records that a change would link, as in URLs. */
export function relatedIds(field: ResourceField, { change, value }: FieldEdit): string[] {
  if (!field.relation || !['set', 'fill', 'add', 'remove', 'replace'].includes(change)) return [];
  return textsOf(value);
}
