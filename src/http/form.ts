/** What a form sent, as the parser reads it: texts, and lists of them, by name. */
export type Body = Record<string, unknown>;
