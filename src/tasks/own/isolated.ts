import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Pool } from 'pg';
import { ourModule } from '../../our-files.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';
import type { StopReason } from '../../task-definitions/task-run.ts';
import type { TaskContext } from '../context.ts';
import type { Lease } from '../running/lease.ts';
import { endAttempt, ProcessDied } from './end-own.ts';
import type { OwnRun } from './run-own.ts';
import type { Taken } from './take-own.ts';

const file = ourModule('cli/isolated');
const defaultGraceMs = 10_000;
/** Nobody would come for a second process. */
const waitsForDebugger = /^--inspect-(brk|wait)(=|$)/;

/** What a process that runs one task is told first. */
export interface IsolatedStart {
  kind: 'start';
  /** URL of the file that exports the admin. */
  definition: string;
  connectionString: string;
  schema: string;
  workerId: string;
  /** Without what chooses a backend, which may be code. */
  settings: Omit<TaskContext['settings'], 'backend'>;
  taken: Taken;
}
/** And then. */
export interface IsolatedStop {
  kind: 'stop';
  reason: StopReason;
}
/** What it says. */
export type IsolatedMessage =
  | {
      kind: 'log';
      level: Parameters<TaskContext['log']>[0];
      message: string;
      details: Record<string, unknown>;
    }
  | { kind: 'failed'; message: string };

/**
 * Calls a task's `run` in a process of its own, which is killed at the hard limit, or where it has
 * not stopped in time; it ends by itself when this one is gone.
 */
export function startIsolatedRun(
  context: TaskContext,
  pool: Pool,
  taken: Taken,
  workerId: string,
): OwnRun {
  const { task, token } = taken;
  const { db, settings, log } = context;
  const lease: Lease = { taskId: task.id, slot: 0, token };
  const definition = context.definitions.get(task.operation) as TaskDefinition;
  const { graceMs = defaultGraceMs, maxMemoryMb } = definition.options;
  let stopped: StopReason | null = null;
  let failure: string | null = null;
  let killing: NodeJS.Timeout | undefined;
  // The last one is what its thread waits on: it closes with this process. What comes by it is how much
  // memory was taken, where that was too much.
  const child = fork(file, maxMemoryMb === undefined ? [] : [String(maxMemoryMb)], {
    serialization: 'advanced',
    execArgv: process.execArgv.filter((option) => !waitsForDebugger.test(option)),
    stdio: ['ignore', 'inherit', 'inherit', 'ipc', 'pipe'],
  });
  // Where there are too many open files there is none.
  const pipe = child.stdio?.[4] as Socket | undefined;
  pipe?.on('error', () => undefined);
  pipe?.on('data', () => {
    failure = `Its process took more than ${maxMemoryMb} MB of memory.`;
  });
  const closed = pipe && once(pipe, 'close').catch(() => undefined);
  child.on('error', (error) => {
    failure ??= String(error);
  });
  child.on('message', (said: IsolatedMessage) => {
    if (said.kind === 'log') log(said.level, said.message, said.details);
    else failure = said.message;
  });
  const { backend: _, ...plainSettings } = settings;
  const start: IsolatedStart = {
    kind: 'start',
    definition: context.definitionFile as string,
    // Where the worker's own sessions are: past a pooler, where pages go through one.
    connectionString: pool.options.connectionString as string,
    schema: db.schema,
    workerId,
    settings: plainSettings,
    taken,
  };
  try {
    send(start);
  } catch (error) {
    failure = String(error);
    child.kill('SIGKILL');
  }
  return { task, lease, stop, ended: run() };

  function send(message: IsolatedStart | IsolatedStop): void {
    if (child.connected) child.send(message, () => undefined);
  }

  function stop(reason: StopReason): void {
    const isFirst = stopped === null;
    stopped ??= reason;
    if (reason === 'hard-limit' || reason === 'lost') child.kill('SIGKILL');
    else if (isFirst) {
      send({ kind: 'stop', reason });
      killing = setTimeout(() => child.kill('SIGKILL'), graceMs);
    }
  }

  async function run(): Promise<void> {
    // It has said all that it had to say when both have come.
    await Promise.all([once(child, 'exit'), once(child, 'disconnect'), closed]).catch(
      () => undefined,
    );
    clearTimeout(killing);
    const how = failure ?? `Its process ended by ${child.signalCode ?? `code ${child.exitCode}`}.`;
    const ended = { error: new ProcessDied(how), stop: stopped, definition };
    // Where it has come to an end of its own this writes nothing.
    await endAttempt(context, pool, task, lease, ended).catch((error) =>
      log('error', 'the end of a task could not be written', {
        taskId: task.id,
        error,
      }),
    );
  }
}
