import { AppError } from '../../errors.ts';

/** What is wrong with a project's schema, as one sentence for whoever started the command. */
export function schemaError(sentence: string, details: Record<string, unknown> = {}): AppError {
  return new AppError('invalid-schema', 500, sentence, details);
}
