/**
 * What may be done with a resource. Not granted is denied; without `list` the resource is not there
 * at all.
 */
export const actions = [
  'list',
  'create',
  'update',
  'delete',
  'bulk-update',
  'bulk-delete',
] as const;
/** One of `actions`. */
export type Action = (typeof actions)[number];
