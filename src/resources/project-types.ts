/**
 * Types of your project that Bulkhead cannot know. Say them once and every hook's `tx` is your own
 * client:
 *
 * @example
 * declare module 'bulkhead' {
 *   interface ProjectTypes { client: PrismaClient }
 * }
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled by declaration merging
export interface ProjectTypes {}
