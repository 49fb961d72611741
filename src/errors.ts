/**
 * What an error says besides its sentence; docs/errors.md has which code says what. Rooms add what
 * only they know.
 */
export interface ErrorDetails {
  /** Sentences by the names of fields. */
  readonly fieldErrors?: Readonly<Record<string, string>>;
  /** To blame; of a list, the parameter of its address. */
  readonly field?: string;
  /** Of fields whose value another record has. */
  readonly taken?: readonly string[];
  /** Of fields whose texts are longest. */
  readonly longest?: readonly string[];
  /** Settings, each with what is wrong with it. */
  readonly wrong?: readonly string[];
  /** Of the task. */
  readonly state?: string;
  readonly taskId?: number;
  /** As many as may. */
  readonly max?: number;
  /** Of one's own, not of everybody. */
  readonly isOwn?: boolean;
  readonly failures?: readonly { key: string; code: string; message: string }[];
  /** Records that a form showed, and that there are. */
  readonly from?: number;
  readonly to?: number;
  /** Which right is missing. */
  readonly action?: string;
  /** Of the database, by their names there. */
  readonly constraint?: string;
  readonly rule?: string;
}

/**
 * An error whose message is safe to show to the person who caused it: an English sentence that
 * names what is wrong. Anything else that is thrown is a bug. Throw one in a hook to refuse a
 * record; `details.field` names the field to blame.
 *
 * @example
 * throw new AppError('featured', 422, 'A featured place stays.', { field: 'featured' });
 */
export class AppError extends Error {
  readonly code: string;
  /** HTTP status the error is answered with. */
  readonly status: number;
  readonly details: ErrorDetails & Readonly<Record<string, unknown>>;

  constructor(
    code: string,
    status: number,
    message: string,
    details: ErrorDetails & Readonly<Record<string, unknown>> = {},
  ) {
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
