/** An error whose message is safe to show to the person who caused it. Anything else that is thrown is a bug. */
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
