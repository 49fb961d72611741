import type { Refusal } from '../contract.ts';
import { RecordsRefused } from '../refusals/records-refused.ts';
import type { Objection } from './run-hooks.ts';

/** Records by what is said against them. */
export class Objections {
  readonly #reasons = new Map<string, Refusal & { keys: string[] }>();

  add(key: string, { code, message, fieldErrors }: Objection): void {
    const field = Object.keys(fieldErrors)[0] ?? null;
    const reason = [code, field, message].join(' ');
    const known = this.#reasons.get(reason);
    if (known) known.keys.push(key);
    else this.#reasons.set(reason, { code, message, field, keys: [key] });
  }

  list(): Refusal[] {
    return [...this.#reasons.values()];
  }
}

/**
 * Calls a hook for one record after the other, since what hooks write shares one connection. The
 * objections of all end the attempt: `RecordsRefused`.
 */
export async function callEach<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  call: (item: T) => Promise<Objection | null>,
): Promise<void> {
  const objections = new Objections();
  for (const item of items) {
    const objection = await call(item);
    if (objection) objections.add(keyOf(item), objection);
  }
  const refusals = objections.list();
  if (refusals.length > 0) throw new RecordsRefused(refusals);
}
