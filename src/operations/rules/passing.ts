import type { FieldMeta } from '../../metadata/contract.ts';
import type { Row } from '../journal/row-values.ts';
import type { Draft } from './run-hooks.ts';

/** One record of the set on its way through the resource's rules. */
export interface Passing {
  row: Row;
  draft: Draft;
  /** What the changes make of many-to-many fields: ids before and after as text. */
  links: ReadonlyMap<string, { before: string[]; after: string[] }>;
  /** What `beforeSave` set. */
  given: Record<string, unknown>;
}

export const keyOfPassing = ({ row }: Passing) => row.key;

export function keysOf(items: readonly Passing[]): string[] {
  return items.map(({ row }) => row.key);
}

export function isLink(field: FieldMeta): boolean {
  return field.relation?.kind === 'many-to-many';
}
