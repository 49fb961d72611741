/** Makes `public/build`, once per content. Returns what went wrong, else null. */
export function style(): string | null;
/** Folders that the style sheet is made from. */
export const styleSources: readonly string[];
