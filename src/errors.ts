/**
 * An error whose message is safe to show to the person who caused it: an English sentence that names what is wrong.
 * Anything else that is thrown is a bug. Throw one in a hook to refuse a record; `details.field` names the field to blame.
 *
 * @example
 * throw new AppError('featured', 422, 'A featured place stays.', { field: 'featured' });
 */
export class AppError extends Error {
  readonly code: string;
  /** HTTP status the error is answered with. */
  readonly status: number;
  readonly details: Record<string, unknown>;

  constructor(code: string, status: number, message: string, details: Record<string, unknown> = {}) {
    super(message);
    this.name = 'AppError';
    this.code = code;
    this.status = status;
    this.details = details;
  }
}

export function notFound(): AppError {
  return new AppError('not-found', 404, 'There is nothing here, or it is not yours to see.');
}
