import type { QueueInfo } from '../../tasks/looking/list-queues.ts';
import type { WorkerInfo } from '../../tasks/looking/list-workers.ts';
import type { RunningProcess } from '../../tasks/looking/processes.ts';
import type { ScheduleInfo } from '../../tasks/schedules/list-schedules.ts';

/** What those see beside who see every task. */
export interface OperatorParts {
  queues: readonly QueueInfo[];
  workers: readonly WorkerInfo[];
  /** Of workers and of pages, as far as they say by what they were set up. */
  processes: readonly RunningProcess[];
  /** Of the tasks that workers are at. */
  titles: ReadonlyMap<number, string>;
  schedules: readonly ScheduleInfo[];
}
