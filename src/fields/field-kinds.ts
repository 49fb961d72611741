import type { FieldKind, ResourceField } from './contract.ts';
import { kinds } from './kinds.ts';
import { manyToMany } from './many-to-many.ts';
import { readOnly } from './read-only.ts';
import { scalarKind, scalarKinds } from './scalar-kind.ts';
import { toOne } from './to-one.ts';

/** Every kind there is; each passes the contract suite. */
export const fieldKinds: readonly FieldKind[] = [
  ...new Set([...scalarKinds, ...Object.values(kinds), toOne, manyToMany, readOnly]),
];

/** The kind that shows, reads, filters and changes a field. */
export function getFieldKind(field: ResourceField): FieldKind {
  if (field.kind) return field.kind;
  if (field.relation?.kind === 'to-one') return toOne;
  if (field.relation?.kind === 'many-to-many') return manyToMany;
  if (field.meta.kind === 'relation' || field.meta.kind === 'unsupported') return readOnly;
  return scalarKind(field.meta);
}
