import { DatabaseError, databaseError } from '../../db/database-error.ts';
import { isRowsFault, sqlstate } from '../../db/sqlstate.ts';
import { AppError } from '../../errors.ts';
import type { Resource } from '../../resources/contract.ts';
import type { Constraints } from './constraints.ts';
import { blamedFields, refusalInWords } from './refusal-in-words.ts';

export interface FailedWrite {
  resource: Resource;
  isDelete: boolean;
  /** Of the table; asked only where the database refused. */
  constraints(): Promise<Constraints>;
  /** What the database says, without what nobody may see. */
  unsaid?(message: string): string;
}

/** What the database refused, as errors of the form and its fields; null for what is a bug. */
export async function writeError(error: unknown, writing: FailedWrite): Promise<AppError | null> {
  const { resource, isDelete, constraints, unsaid = (message) => message } = writing;
  if (error instanceof AppError) return null;
  const refusal = databaseError(error);
  const { code } = (error instanceof DatabaseError ? error.cause : error) as { code?: string };
  if (code === 'P2025' || code === 'P2018')
    return refused('A record that was chosen does not exist any more. Nothing was changed.');
  const state = refusal instanceof DatabaseError ? refusal.code : '';
  if (code === 'P2028' || state === sqlstate.lockNotAvailable) {
    return new AppError(
      'busy',
      503,
      'The record is being changed by somebody else right now. Try again in a moment.',
    );
  }
  if (
    !(refusal instanceof DatabaseError) ||
    !(isRowsFault(state) || state === sqlstate.generatedAlways)
  )
    return null;
  const { constraint, column, message } = refusal;
  const about = { resource, isDelete, constraints: await constraints() };
  const what = {
    code: state,
    constraint,
    column,
    message: unsaid(message.split('\n')[0] || 'no reason was given'),
  };
  const words = refusalInWords(what, about);
  const fields = blamedFields(what, about).filter((field) => resource.form.includes(field));
  if (fields.length === 0)
    return refused(
      words === what.message
        ? `The database refused it: ${words}`
        : `${words} Nothing was changed.`,
    );
  return new AppError('invalid-record', 422, 'Some values need attention. Nothing was changed.', {
    fieldErrors: Object.fromEntries(fields.map(({ name }) => [name, words])),
    ...(state === sqlstate.uniqueViolation && {
      taken: fields.filter(({ isSecret }) => !isSecret).map(({ name }) => name),
    }),
  });
}

function refused(message: string): AppError {
  return new AppError('invalid-record', 422, message, { fieldErrors: {} });
}
