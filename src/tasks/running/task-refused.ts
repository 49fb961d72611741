import type { ChunkOutcome } from './apply-isolated.ts';

/**
 * Thrown to roll back a task that is all or nothing; what was refused is written down afterwards.
 */
export class TaskRefused extends Error {
  readonly outcome: ChunkOutcome;
  constructor(outcome: ChunkOutcome) {
    super('a record was refused');
    this.outcome = outcome;
  }
}
