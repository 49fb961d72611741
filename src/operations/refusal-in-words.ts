interface Refused {
  code: string | null;
  constraint: string | null;
  column: string | null;
  message: string;
}

/** Why the database refused a record, for people who do not write SQL. What a trigger or a type says stays as it is said. */
export function refusalInWords({ code, constraint, column, message }: Refused): string {
  if (code === '23502' && column) return `“${column}” must not be empty.`;
  if (code === '2202E') return 'The list holds lists of its own: single values cannot be put in or taken out.';
  if (!constraint) return message;
  switch (code) {
    case '23514':
      return `The database’s rule “${constraint}” does not allow it.`;
    case '23505':
      return `Another record has the same already: “${constraint}” allows it once.`;
    case '23P01':
      return `It clashes with another record: “${constraint}” does not allow both.`;
    case '23001':
      return pointedAt(constraint);
    case '23503':
      if (/^update or delete/.test(message)) return pointedAt(constraint);
      // A server that speaks another language does not say which of the two it is.
      return /^insert or update/.test(message)
        ? `It would point at a record that does not exist, which “${constraint}” does not allow.`
        : message;
    default:
      return message;
  }
}

function pointedAt(constraint: string): string {
  return `Other records point at it, and “${constraint}” does not allow that they point nowhere.`;
}
