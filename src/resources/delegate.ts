import { nullOfPrisma } from '../fields/null-of-prisma.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import type { Client, Delegate } from './client.ts';
import { numbersOf, versionOf } from './wrong-client.ts';

/** Prisma whose clients know the nulls of every runtime. */
const knowsNulls = 7;

/** The part of the user's Prisma client that is about one model. */
export function delegateOf(client: Client, model: ModelMeta): Delegate {
  const delegate = (client as unknown as Record<string, Delegate>)[model.delegate] as Delegate;
  const [major] = numbersOf(versionOf(client) ?? `${knowsNulls}`);
  return major < knowsNulls && delegate ? withItsNulls(delegate) : delegate;
}

/** Before Prisma 7 a client refuses the nulls of JSON of another runtime: it is told what they say. */
function withItsNulls(delegate: Delegate): Delegate {
  return new Proxy(delegate, {
    get(target, name) {
      const value = Reflect.get(target, name) as unknown;
      if (typeof value !== 'function') return value;
      return (args: unknown) => Reflect.apply(value, target, [spelledOut(args)]);
    },
  });
}

function spelledOut(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(spelledOut);
  if (typeof value !== 'object' || value === null) return value;
  const name = nullOfPrisma(value);
  if (name) return { toJSON: () => ({ $type: 'Enum', value: name }) };
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, spelledOut(part)]));
}
