import type { Action } from '../../resources/actions.ts';
import type { Undone } from '../contract.ts';
import type { Shape } from './entries-of-keys.ts';
import type { CascadedModel } from './recreate-sql.ts';

/** What an undo needs of the task that it takes back. */
export interface UndoParameters {
  /** The task that is taken back. */
  taskId: number;
  /** A task of the project's own, which changed records one by one. */
  isOfRun?: boolean;
  title: string;
  /** What its principal had to be allowed to do. */
  action: Action;
  shapes: readonly Shape[];
  columns: readonly string[];
  /**
   * Records were put away in place of a delete: they may be out of the row scope, and what was
   * written to them was nobody's to choose.
   */
  isPutAway?: boolean;
  /** What comes back along with deleted records. */
  along?: readonly CascadedModel[];
}

/** The same, as a task keeps them: with what it says of itself. */
export interface UndoneParameters extends UndoParameters, Partial<Undone> {}
