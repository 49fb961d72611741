import type { Database } from '../db/database.ts';
import type { Register } from '../resources/contract.ts';

/** What every function of this room is handed. */
export interface TaskContext {
  readonly db: Database;
  readonly register: Register;
  readonly settings: TaskSettings;
  readonly log: (level: 'error' | 'warning' | 'info' | 'debug', message: string, details?: Record<string, unknown>) => void;
  /** Is this person still allowed in at all? Asked again when a task is about to write. */
  readonly isPrincipalActive?: (principalId: string) => Promise<boolean>;
}

export interface TaskSettings {
  /** How long one wake-up works before it hands the task on, so that tasks share workers fairly. */
  readonly sliceMs: number;
  /** Longest a chunk waits for somebody else's lock before it is rolled back and tried again. */
  readonly lockTimeoutMs: number;
  /** Longest one statement of a chunk may take. */
  readonly statementTimeoutMs: number;
  /** Workers lost in a row, without a committed chunk between, after which a task is failed. */
  readonly maxDeaths: number;
  /** How often liveness of workers is looked at. */
  readonly recoveryIntervalMs: number;
}

export const defaultTaskSettings: TaskSettings = {
  sliceMs: 30_000,
  lockTimeoutMs: 5_000,
  statementTimeoutMs: 30_000,
  maxDeaths: 5,
  recoveryIntervalMs: 500,
};
