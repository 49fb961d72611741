import type { Client } from './client.ts';

/**
 * Types of your project that Bulkhead cannot know. Say them once and `tx`
 * and `client`, wherever code of yours is given one, are your own client:
 *
 * @example
 * declare module 'bulkhead' {
 *   interface ProjectTypes { client: PrismaClient }
 * }
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface ProjectTypes {}

/** Your Prisma client, as `ProjectTypes` names it. */
export type ProjectClient = ProjectTypes extends { client: infer C } ? C : Client;
