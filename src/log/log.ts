/** Of the line that the log has for each entry of the audit. */
export const auditMessage = 'audit';

export type LogLevel = 'error' | 'warning' | 'info' | 'debug';

/** Where lines go: one JSON line each on standard error, or what the app around ours has for them. */
export interface Logger {
  (level: LogLevel, message: string, details?: Record<string, unknown>): void;
  /** Is one of this level shown? Not known: it may be. */
  readonly shows?: ((level: LogLevel) => boolean) | undefined;
}
