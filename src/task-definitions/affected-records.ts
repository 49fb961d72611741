import type { Where } from '../resources/client.ts';

/**
 * Records of a resource (its slug) that a task affects: those of these keys, or those that a `where`
 * of Prisma's matches, as far as the person on whose behalf it runs may see them. Every one where
 * `everything` is true and `where` says nothing.
 */
export type AffectedRecords =
  | { readonly resource: string; readonly keys: readonly (string | number)[] }
  | { readonly resource: string; readonly where: Where; readonly everything?: boolean };

/** What becomes of a task some of whose records another one holds: it waits for its end, or fails. */
export type OwnOverlap = (typeof ownOverlaps)[number];
export const ownOverlaps = ['wait', 'refuse'] as const;
