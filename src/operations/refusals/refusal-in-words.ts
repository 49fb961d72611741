import { sqlstate } from '../../db/sqlstate.ts';
import type { Resource } from '../../resources/contract.ts';
import { type Constraints, fieldsOfColumns } from './constraints.ts';

export interface DatabaseRefusal {
  code: string | null;
  constraint: string | null;
  column: string | null;
  /** What the database said, in whichever language it speaks. */
  message: string;
}

/** What was refused, as far as it is known. */
export interface Refusing {
  resource: Pick<Resource, 'singular' | 'fields' | 'secrets'>;
  constraints: Constraints;
  isDelete: boolean;
}

const list = new Intl.ListFormat('en');

/**
 * Why the database refused a record, for people who do not write SQL: by form and task alike, and
 * whatever language the server speaks. What a trigger or a type says stays as it is said.
 */
export function refusalInWords(refused: DatabaseRefusal, about: Refusing | null = null): string {
  const { code, constraint, column, message } = refused;
  const blamed = blamedFields(refused, about);
  const labels = blamed.map(({ label }) => label);
  if (code === sqlstate.notNullViolation) {
    if (labels.length > 0) return `${list.format(labels)} is required.`;
    return column ? `“${column}” must not be empty.` : message;
  }
  if (code === sqlstate.arraySubscriptError)
    return 'The list holds lists of its own: single values cannot be put in or taken out.';
  if (code === sqlstate.generatedAlways)
    return 'The database makes this value itself: it cannot be written.';
  if (!constraint) return message;
  switch (code) {
    case sqlstate.checkViolation:
      return `The database’s rule “${constraint}” does not allow it.`;
    case sqlstate.uniqueViolation:
      // That somebody has the same secret is nobody's to know.
      if (blamed.some(({ isSecret }) => isSecret))
        return `${list.format(labels)} cannot be this value. Choose another.`;
      return labels.length === 0 || !about
        ? `Another record has the same already: “${constraint}” allows it once.`
        : taken(labels, about);
    case sqlstate.exclusionViolation:
      return `It clashes with another record: “${constraint}” does not allow both.`;
    case sqlstate.restrictViolation:
    case sqlstate.foreignKeyViolation:
      switch (directionOf(refused, about)) {
        case 'to it':
          return `Other records point at ${about ? `this ${about.resource.singular.toLowerCase()}` : 'it'}, and “${constraint}” does not allow that they point nowhere.`;
        case 'from it':
          return labels.length > 0
            ? `${list.format(labels)} leads to a record that does not exist.`
            : `It would point at a record that does not exist, which “${constraint}” does not allow.`;
        default:
          return message;
      }
    default:
      return message;
  }
}

/** Fields to blame: those of the constraint, where they are the record's own doing. */
export function blamedFields(refused: DatabaseRefusal, about: Refusing | null): Resource['fields'] {
  const { code, constraint, column } = refused;
  if (!about || about.isDelete) return [];
  if (code === sqlstate.notNullViolation || code === sqlstate.generatedAlways)
    return column ? fieldsOfColumns(about.resource, [column]) : [];
  if (code === sqlstate.uniqueViolation || code === sqlstate.exclusionViolation)
    return fieldsOfColumns(about.resource, about.constraints.get(constraint ?? '')?.columns ?? []);
  const isLeading =
    (code === sqlstate.foreignKeyViolation || code === sqlstate.restrictViolation) &&
    directionOf(refused, about) === 'from it';
  return isLeading
    ? fieldsOfColumns(about.resource, about.constraints.get(constraint ?? '')?.columns ?? [])
    : [];
}

function taken(labels: readonly string[], { resource }: Refusing): string {
  const another = `another ${resource.singular.toLowerCase()} has`;
  if (labels.length === 1) return `${labels[0]} is taken: ${another} it already.`;
  return `${list.format(labels)} together are taken: ${another} the same already.`;
}

/**
 * Others may not point at it in vain, or it at others. PostgreSQL has one code for both, and a
 * sentence in its own language.
 */
function directionOf(
  { code, constraint, message }: DatabaseRefusal,
  about: Refusing | null,
): 'to it' | 'from it' | null {
  if (code === sqlstate.restrictViolation || about?.isDelete) return 'to it';
  if (/^update or delete/.test(message)) return 'to it';
  if (/^insert or update/.test(message)) return 'from it';
  if (!about || about.constraints.size === 0) return null;
  const own = about.constraints.get(constraint ?? '');
  if (!own) return 'to it';
  return own.isOfItself ? null : 'from it';
}
