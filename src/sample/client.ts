import type { PrismaClient } from '../../generated/sample/client.ts';

/** The sample's own client, with its types. */
export function clientOf(tx: object): Omit<PrismaClient, '$transaction'> {
  return tx as PrismaClient;
}
