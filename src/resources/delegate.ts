import type { ModelMeta } from '../metadata/contract.ts';
import type { Client, Delegate } from './client.ts';

/** The part of the user's Prisma client that is about one model. */
export function delegateOf(client: Client, model: ModelMeta): Delegate {
  return (client as unknown as Record<string, Delegate>)[model.delegate] as Delegate;
}
