import type { Resource } from '../resources/contract.ts';

/** A record's key as entries name it; null where it is secret. */
export function namedKey(
  { model, secrets }: Pick<Resource, 'model' | 'secrets'>,
  key: string | null | undefined,
): string | null {
  const isSecret = model.idFields.some((name) => secrets.some((field) => field.name === name));
  return isSecret || key === undefined ? null : key;
}
