import { DatabaseError, isRowsFault } from '../db/database-error.ts';
import { AppError } from '../errors.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';

interface Cause {
  kind?: string;
  originalCode?: string;
  originalMessage?: string;
  constraint?: { fields?: string[]; index?: string; foreignKey?: object };
  column?: string;
}

interface PrismaError {
  code?: string;
  meta?: { driverAdapterError?: { cause?: Cause }; target?: string[] | string };
  cause?: Cause;
}

/** What the database refused, as errors of the form and its fields; null for what is a bug. */
export function writeError(
  error: unknown,
  resource: Resource,
  unsaid: (message: string) => string = (message) => message,
): AppError | null {
  if (error instanceof AppError) return null;
  const { code, meta, cause: own } = (error instanceof DatabaseError ? error.cause : error) as PrismaError;
  const cause = meta?.driverAdapterError?.cause ?? own ?? {};
  const state = cause.originalCode ?? '';
  if (code === 'P2002' || state === '23505') {
    const fields = fieldsOf(resource, cause);
    const singular = resource.singular.toLowerCase();
    const words = (field?: ResourceField) =>
      field?.isSecret
        ? `${field.label} cannot be this value. Choose another.`
        : `${field?.label ?? 'This value'} is taken: another ${singular} has it already.`;
    return invalid(fields, words, { taken: fields.filter(({ isSecret }) => !isSecret).map(({ name }) => name) });
  }
  if (code === 'P2003' || state === '23503' || state === '23001') {
    const fields = fieldsOf(resource, cause);
    if (fields.length === 0 && leadsNowhere(cause))
      return invalid([], () => 'These values lead to a record that does not exist. Nothing was changed.');
    if (fields.length > 0) return invalid(fields, (field) => `${field?.label ?? 'It'} leads to a record that does not exist.`);
    return invalid([], () => `Other records point at this ${resource.singular.toLowerCase()}. Nothing was changed.`);
  }
  if (code === 'P2025' || code === 'P2018') {
    return invalid([], () => 'A record that was chosen does not exist any more. Nothing was changed.');
  }
  if (code === 'P2028' || state === '55P03') {
    return new AppError('busy', 503, 'The record is being changed by somebody else right now. Try again in a moment.');
  }
  if (state === '23502') return invalid(fieldsOf(resource, cause), (field) => `${field?.label ?? 'A value'} is required.`);
  if (state === '428C9') return invalid(fieldsOf(resource, cause), () => 'The database makes this value itself: it cannot be written.');
  if (isRowsFault(state)) {
    return invalid([], () => `The database refused these values: ${unsaid(firstLine(cause.originalMessage))}`);
  }
  return null;
}

// The same error says that a row points nowhere and that others point at it; only its words tell which.
function leadsNowhere({ originalMessage }: Cause): boolean {
  return /^insert or update on table/.test(originalMessage ?? '');
}

function invalid(fields: readonly ResourceField[], words: (field?: ResourceField) => string, details: object = {}): AppError {
  const fieldErrors = Object.fromEntries(fields.map((field) => [field.name, words(field)]));
  const message = fields.length === 0 ? words() : 'Some values need attention. Nothing was changed.';
  return new AppError('invalid-record', 422, message, { fieldErrors, ...details });
}

function firstLine(message: string | undefined): string {
  return (message ?? '').split('\n')[0] || 'no reason was given';
}

/** Fields of the form behind the columns, or behind the constraint's name, that the database named. */
function fieldsOf(resource: Resource, cause: Cause): ResourceField[] {
  const { fields = [], index = '' } = cause.constraint ?? {};
  const named = [...fields, cause.column ?? ''].map((name) => name.replaceAll('"', ''));
  const isNamed = ({ meta }: ResourceField) => {
    const column = meta.column?.replaceAll('"', '');
    if (!column) return false;
    const table = resource.model.dbTable;
    return named.includes(column) || named.includes(meta.name) || [`${table}_${column}_key`, `${table}_${column}_fkey`].includes(index);
  };
  return resource.form.filter(isNamed);
}
