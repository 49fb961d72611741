import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import type { Resource } from '../../resources/contract.ts';

/** A stamp is nobody's to change, and moves with whatever is. */
export function isFixed(
  { model, canChange }: Resource,
  principal: Principal,
  name: string,
): boolean {
  return !model.fields[name]?.isUpdatedAt && !canChange(principal, name);
}

/**
 * Refuses a form that says something of a field of the model that is not on it: whoever sends that
 * is told, not silently ignored. Throws AppError 422 `fixed-field` that names the field.
 */
export function assertNoFixedField(resource: Resource, names: Iterable<string>): void {
  const { model, form } = resource;
  for (const name of names) {
    if (!Object.hasOwn(model.fields, name) || form.some((field) => field.name === name)) continue;
    const label = resource.fields.find((field) => field.name === name)?.label ?? name;
    throw new AppError(
      'fixed-field',
      422,
      `“${label}” is not yours to change. Nothing was saved.`,
      { field: name },
    );
  }
}
