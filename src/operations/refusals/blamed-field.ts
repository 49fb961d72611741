import type { ModelMeta } from '../../metadata/contract.ts';

/**
 * The field behind the column or the constraint that the database named: PostgreSQL's own names of
 * constraints tell.
 */
export function blamedField(
  model: ModelMeta,
  { constraint, column }: { constraint?: string | null; column?: string | null },
): string | null {
  for (const field of Object.values(model.fields)) {
    const name = field.dbColumn;
    if (!name) continue;
    if (name === column || constraint === `${model.dbTable}_${name}_fkey`) return field.name;
    if (
      constraint === `${model.dbTable}_${name}_key` ||
      constraint === `${model.dbTable}_${name}_check`
    )
      return field.name;
  }
  return null;
}
