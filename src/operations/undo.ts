import { AppError } from '../errors.ts';
import type { Action } from '../resources/contract.ts';
import type { ApplyCounts, Operation, Refusal } from './contract.ts';
import { type Shape, undoStatement } from './undo-sql.ts';

export interface UndoParameters {
  /** The task that is taken back. */
  taskId: number;
  title: string;
  /** What its principal had to be allowed to do. */
  action: Action;
  shapes: readonly Shape[];
  columns: readonly string[];
}

/** Takes back what another task did, record by record, from the images that it kept. */
export const undoOperation: Operation<UndoParameters> = {
  kind: 'undo',
  action: 'bulk-update',
  actionOf: ({ action }) => action,
  parse() {
    throw new AppError('invalid-operation', 422, 'A task is undone from its own page.', { fieldErrors: {} });
  },
  title: (resource) => `Undo changes of ${resource.label.toLowerCase()}`,
  describe: (_resource, { taskId, title }) => [`Take back task ${taskId}: ${title}`],
  statement: (target, keys, params) => {
    const [shape, ...more] = params.shapes;
    return shape && more.length === 0 ? undoStatement(target, keys, params, shape) : null;
  },
  async apply(client, target, keys, params): Promise<ApplyCounts> {
    const total = { changed: 0, unchanged: 0, gone: 0, refusals: [] as Refusal[] };
    for (const shape of params.shapes) {
      const { sql, values } = undoStatement(target, keys, params, shape);
      const { rows } = await client.query<Required<Pick<ApplyCounts, 'changed' | 'unchanged' | 'gone' | 'refusals'>>>(sql, values);
      const [counts] = rows;
      if (!counts) continue;
      total.changed += counts.changed;
      total.unchanged += counts.unchanged;
      total.gone += counts.gone;
      total.refusals.push(...counts.refusals);
    }
    return total;
  },
};
