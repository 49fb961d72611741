import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { PoolClient } from 'pg';
import { taskManagerOf } from '../create-task-manager.ts';
import type { Database } from '../db/database.ts';
import type { TaskInfo } from '../task-info.ts';
import type { TaskManager } from '../task-manager.ts';
import type { TaskContext } from '../tasks/context.ts';
import { deliverNext } from '../tasks/hooks/deliver.ts';
import { announceHooks, fanOut } from '../tasks/hooks/fan-out.ts';
import { listEvents } from '../tasks/looking/queries.ts';
import type { TaskState } from '../tasks/states.ts';
import { testContext } from './context.ts';
import { testDatabase } from './database.ts';
import { insertPlaces } from './places.ts';
import { heldUpSql, taskKindsAdmin } from './task-kinds-admin.ts';
import { type TaskKind, taskTable } from './task-table.ts';
import { startWorkerProcess, type WorkerProcess } from './worker-process.ts';

const file = join(import.meta.dirname, 'task-kinds-admin.ts');
/** Nothing gives up by itself, and every record is a chunk of its own. */
const env = {
  BULKHEAD_PLACES: '100',
  BULKHEAD_WORKER_CONCURRENCY: '8',
  BULKHEAD_CHUNK_SIZE: '1',
  BULKHEAD_LOCK_TIMEOUT_MS: '600000',
  BULKHEAD_STATEMENT_TIMEOUT_MS: '600000',
  BULKHEAD_RECOVERY_INTERVAL_MS: '100',
};
const bringMs = 60_000;

/** All that is to be seen of a task. */
export interface StagedTask {
  info: TaskInfo;
  /** The states that it has gone through. */
  moves: readonly TaskState[];
  holds: boolean;
  /** What hooks have heard of it, without `task:`. */
  heard: readonly string[];
  parts: readonly TaskState[];
}

/** Where tasks are brought to their standings: a database, calls, and a worker that can be killed. */
export class TaskStage {
  readonly db: Database;
  readonly context: TaskContext;
  readonly tasks: TaskManager;
  readonly #connectionString: string;
  readonly #heard: { id: number; name: string }[] = [];
  readonly #held: { record: number; client: PoolClient }[] = [];
  #record = 0;
  #worker: WorkerProcess | null = null;

  private constructor(db: Database, connectionString: string) {
    this.db = db;
    this.#connectionString = connectionString;
    const hook = {
      name: 'heard',
      on: [
        'task:created',
        'task:started',
        'task:paused',
        'task:resumed',
        'task:succeeded',
        'task:partial',
        'task:failed',
        'task:cancelled',
        'task:retried',
      ],
      run: ({ name, task }) =>
        void this.#heard.push({ id: task.id, name: name.replace('task:', '') }),
    } as const satisfies NonNullable<typeof taskKindsAdmin.taskHooks>[number];
    this.context = testContext(db, {}, {}, { ...taskKindsAdmin, taskHooks: [hook] });
    this.tasks = taskManagerOf(taskKindsAdmin, this.context);
  }

  static async open(t: Pick<TestContext, 'after'>): Promise<TaskStage> {
    const { db, connectionString, defer } = await testDatabase(t, { pagesPoolSize: 30 });
    await insertPlaces(db, 2_000);
    await db.pages.query(`${heldUpSql}; create table public.refused (record int);
      create function public.refuse() returns trigger language plpgsql as $$ begin
        if exists (select from public.refused where record = new.id) then raise exception 'not this one'; end if;
        return new;
      end $$;
      create trigger refuse before update on gazetteer.city for each row execute function public.refuse();`);
    const stage = new TaskStage(db, connectionString);
    defer(() => stage.#close());
    await announceHooks(db.pages, stage.context);
    return stage;
  }

  async startWorker(): Promise<void> {
    this.#worker = await startWorkerProcess(this.#connectionString, env, file);
  }

  async killWorker(): Promise<void> {
    await this.#worker?.kill('SIGKILL');
    this.#worker = null;
  }

  /** The last of ten cities that no other task is about. */
  nextRecord(): number {
    this.#record += 10;
    return this.#record;
  }

  /** Whoever is about the record gets no further; a row that is locked is not written. */
  async holdUp(record: number, how: 'code' | 'row' = 'code'): Promise<void> {
    if (how === 'code') {
      await this.db.pages.query('insert into public.held_up values ($1)', [record]);
      return;
    }
    const client = await this.db.pages.connect();
    this.#held.push({ record, client });
    // However long it is held: what stands still for long is ended otherwise.
    await client.query('begin; set local idle_in_transaction_session_timeout = 0');
    await client.query('select from gazetteer.city where id = $1 for update', [record]);
  }

  /** Whoever is about a task's ten records, or any, gets further. */
  async letGoOn(record: number | null = null): Promise<void> {
    const isMeant = (held: number) => record === null || Math.abs(held - record) < 5;
    await this.db.pages.query(
      'delete from public.held_up where abs(record - coalesce($1, record)) < 5',
      [record],
    );
    for (const one of this.#held.filter((held) => isMeant(held.record))) {
      this.#held.splice(this.#held.indexOf(one), 1);
      await one.client.query('rollback');
      one.client.release();
    }
  }

  async refuse(record: number): Promise<void> {
    await this.db.pages.query('insert into public.refused values ($1)', [record]);
  }

  async until(id: number, isSo: (task: TaskInfo) => boolean): Promise<TaskInfo> {
    for (const end = Date.now() + bringMs; ; await wait(20)) {
      const task = await this.tasks.get(id);
      if (isSo(task)) return task;
      if (Date.now() > end) throw new Error(`it does not come to be so: ${JSON.stringify(task)}`);
    }
  }

  /** Until its parts have these states, and those that run have got so far. */
  async untilParts(id: number, wanted: readonly TaskState[]): Promise<void> {
    for (const end = Date.now() + bringMs; ; await wait(20)) {
      const parts = await this.#partsOf(id);
      const { rowCount: early } = await this.db.pages.query(
        `select from ${this.db.t.task} where parent_id = $1 and state = 'running' and progress_message is null`,
        [id],
      );
      if (String(parts) === String(wanted) && early === 0) return;
      if (Date.now() > end) throw new Error(`the parts of ${id} are ${parts.join(', ')}`);
    }
  }

  async see({ id, record }: { id: number; record: number }): Promise<StagedTask> {
    while ((await fanOut(this.db.pages, this.context)).isFull);
    while (await deliverNext(this.context, this.db.pages));
    const [conflict] = await this.tasks.conflicts([{ resource: 'cities', keys: [record] }]);
    return {
      info: await this.tasks.get(id),
      moves: (await listEvents(this.db, id)).map(({ state }) => state as TaskState),
      holds: conflict?.holder.taskId === id,
      heard: this.#heard.filter((one) => one.id === id).map(({ name }) => name),
      parts: await this.#partsOf(id),
    };
  }

  /** No task has ever stood so that the table says that none of its kind does. */
  async assertNever(): Promise<void> {
    const { rows } = await this.db.pages.query<{ kind: TaskKind; state: TaskState }>(
      `select distinct case task.kind when 'bulk' then 'bulk' else replace(operation, 'kind.', '') end as kind, event.state
       from ${this.db.t.task_event} event join ${this.db.t.task} task on task.id = event.task_id`,
    );
    const odd = rows.filter(({ kind, state }) => 'never' in taskTable[kind][state]);
    assert.deepEqual(odd, []);
  }

  async #partsOf(id: number): Promise<TaskState[]> {
    const { rows } = await this.db.pages.query<{ state: TaskState }>(
      `select state from ${this.db.t.task} where parent_id = $1 order by id`,
      [id],
    );
    return rows.map(({ state }) => state);
  }

  async #close(): Promise<void> {
    await this.killWorker();
    await this.letGoOn();
  }
}
