const mask = '•••';
/** A shorter text is in too many others to be looked for. */
const minSecretLength = 4;

/** Parameters with a mask where something secret stands; places are names with dots between. */
export function maskParams(params: unknown, places: readonly string[] = []): unknown {
  return places.reduce((value, place) => masked(value, place.split('.')), params);
}

/** Of lists each part is asked; what stands in the way of a place is secret as a whole. */
function masked(value: unknown, [name, ...rest]: readonly string[]): unknown {
  if (value === undefined || value === null) return value;
  if (name === undefined) return mask;
  if (Array.isArray(value)) return value.map((one) => masked(one, [name, ...rest]));
  if (typeof value !== 'object') return mask;
  if (!Object.hasOwn(value, name)) return value;
  return { ...value, [name]: masked((value as Record<string, unknown>)[name], rest) };
}

export type Hide = (text: string) => string;

/** Masks what is secret in these parameters wherever it stands in a text. */
export function hider(places: readonly string[] | undefined, ...params: readonly unknown[]): Hide {
  if (!places) return (text) => text;
  const secrets = [
    ...new Set(params.flatMap((one) => places.flatMap((place) => textsAt(one, place.split('.'))))),
  ]
    .filter((secret) => secret.length >= minSecretLength)
    .sort((one, other) => other.length - one.length);
  return (text) => secrets.reduce((said, secret) => said.replaceAll(secret, mask), text);
}

function textsAt(value: unknown, [name, ...rest]: readonly string[]): string[] {
  if (value === undefined || value === null) return [];
  if (typeof value !== 'object') return [String(value)];
  if (Array.isArray(value))
    return value.flatMap((one) => textsAt(one, name === undefined ? [] : [name, ...rest]));
  if (name === undefined) return Object.values(value).flatMap((one) => textsAt(one, []));
  return textsAt((value as Record<string, unknown>)[name], rest);
}

/** The same in all texts of plain JSON. */
export function hideIn(value: unknown, hide: Hide): unknown {
  if (value === undefined) return undefined;
  return JSON.parse(
    JSON.stringify(value, (_, one) => (typeof one === 'string' ? hide(one) : one)) ?? 'null',
  );
}
