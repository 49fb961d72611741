/**
 * What stands in place of a value that the project's own code could not show; it is none of any
 * record's.
 */
export function cellError(label: string): string {
  return `“${label}” cannot be shown`;
}
