/**
 * Every template with the type of its data, so that `reply.page` is checked by the compiler. Each file of `pages/` adds
 * its own by declaration merging. A fragment's template begins with an underscore.
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled from elsewhere
export interface Pages {}
