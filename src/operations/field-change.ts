import type { ResourceField } from '../fields/contract.ts';
import { textsOf } from '../form-texts.ts';
import type { ChangeName } from './edits/contract.ts';

/** What is done to one chosen field. The value is what the change made of its input, as plain JSON. */
export interface FieldChange {
  /** Name in the metadata: of the foreign key's scalar for a to-one relation. */
  readonly field: string;
  readonly change: ChangeName;
  readonly value: unknown;
}

export interface UpdateParameters {
  readonly changes: readonly FieldChange[];
}

/** Ids of related records that a change would link, as in URLs. */
export function relatedIds(field: ResourceField, { change, value }: FieldChange): string[] {
  if (!field.relation || !['set', 'fill', 'add', 'remove', 'replace'].includes(change)) return [];
  return textsOf(value);
}
