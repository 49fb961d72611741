import { setTimeout as wait } from 'node:timers/promises';
import type { ProjectClient } from '../../resources/project-types.ts';
import type { TaskColumn } from '../../task-columns.ts';
import { infoOf } from '../../task-info.ts';
import type { TaskContext } from '../../tasks/context.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { taskTexts } from './tasks-texts.ts';

/** Longer than this a page does not wait for a column of the project's. */
const longestMs = 2_000;
const maxTextLength = 200;

/** Cells of the project's columns, of each task in the order of the columns. */
export interface OwnColumns {
  labels: readonly string[];
  cellsOf(taskId: number): readonly { label: string; text: string }[];
}

/** Asks each column once. One that fails says so in its cells, and the log has why. */
export async function readOwnColumns(
  { registry, log }: TaskContext,
  columns: readonly TaskColumn[],
  tasks: readonly TaskRow[],
): Promise<OwnColumns> {
  const infos = tasks.map(infoOf<unknown>);
  const values = await Promise.all(columns.map(read));
  return {
    labels: columns.map(({ label }) => label),
    cellsOf: (taskId) =>
      columns.map(({ label }, n) => {
        const texts = values[n];
        return { label, text: texts ? textOf(texts.get(taskId)) : taskTexts.unreadColumn };
      }),
  };

  async function read({ name, value }: TaskColumn): Promise<ReadonlyMap<number, unknown> | null> {
    const over = new AbortController();
    try {
      const texts = await Promise.race([
        (async () => value(infos, { client: registry.client as unknown as ProjectClient }))(),
        wait(longestMs, null, { signal: over.signal }),
      ]);
      if (texts instanceof Map) return texts;
      throw new Error(texts === null ? 'it took longer than 2 s' : 'it gave no Map');
    } catch (error) {
      log('warning', 'a column of the project’s failed', { column: name, error });
      return null;
    } finally {
      over.abort();
    }
  }
}

function textOf(value: unknown): string {
  return String(value ?? '').slice(0, maxTextLength);
}
