/** Texts of a form's controls by field name. */
export type FormTexts = Readonly<Record<string, string | readonly string[]>>;

/** Every text that a form sent under one name; what is no text is left out. */
export function textsOf(sent: unknown): string[] {
  return (Array.isArray(sent) ? sent : [sent]).filter(
    (item): item is string => typeof item === 'string',
  );
}
