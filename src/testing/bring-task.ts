import type { LaunchOptions } from '../task-manager.ts';
import { ownKinds, type Way } from './task-kinds-admin.ts';
import type { TaskStage } from './task-stage.ts';
import type { Standing, TaskKind } from './task-table.ts';

const dayMs = 24 * 3_600_000;

/** A task at its standing. */
export interface Brought {
  id: number;
  /** The city that it is about. */
  record: number;
  /** In which process its run has got so far; null: it is not known. */
  pid: number | null;
}

/** Those that a task has before a worker comes. */
export const beforeWorkers: readonly Standing[] = ['scheduled', 'queued', 'cancelled'];

/** Brings a task of a kind to a standing, by calls alone. */
export async function bringTask(
  stage: TaskStage,
  kind: TaskKind,
  standing: Standing,
  options: LaunchOptions = {},
): Promise<Brought> {
  const record = stage.nextRecord();
  const id =
    kind === 'bulk'
      ? await bringBulk(stage, standing, record)
      : await bringOwn(stage, kind, standing, record, options);
  const { progressMessage } = await stage.tasks.get(id);
  const [pid] = /\d+$/.exec(progressMessage ?? '') ?? [];
  return { id, record, pid: pid === undefined ? null : Number(pid) };
}

async function bringBulk(stage: TaskStage, standing: Standing, record: number): Promise<number> {
  const { tasks } = stage;
  const launch = async (keys: readonly number[], overlap: 'refuse' | 'wait' = 'refuse') => {
    const parameters = { notes: 'changed' };
    const what = { resource: 'cities', operation: 'update', keys, parameters } as const;
    return (await tasks.launchOn({ ...what, options: { overlap } })).id;
  };
  /** It has changed one of its records, and waits for the next. */
  const launchHeldUp = async () => {
    await stage.holdUp(record - 1, 'row');
    const id = await launch([record - 2, record - 1, record]);
    await stage.until(id, ({ state, done }) => state === 'running' && done === 1);
    return id;
  };
  switch (standing) {
    case 'queued':
      return launch([record]);
    case 'waiting': {
      const holder = await tasks.launch(ownKinds.run, { record, way: 'heed' });
      await stage.until(holder.id, hasGotSoFar);
      const id = await launch([record], 'wait');
      await stage.until(id, ({ state, blockedBy }) => state === 'queued' && blockedBy !== null);
      return id;
    }
    case 'preparing': {
      await stage.holdUp(record);
      const id = await launch([record]);
      await stage.until(id, ({ state }) => state === 'preparing');
      return id;
    }
    case 'running':
      return launchHeldUp();
    case 'pausing':
      return (await tasks.pause(await launchHeldUp())).id;
    case 'paused': {
      const { id } = await tasks.pause(await launchHeldUp());
      await stage.letGoOn(record);
      await stage.until(id, ({ state }) => state === 'paused');
      return id;
    }
    case 'cancelling':
      return (await tasks.cancel(await launchHeldUp())).id;
    case 'succeeded':
    case 'partial':
    case 'failed': {
      if (standing !== 'succeeded') await stage.refuse(record);
      const id = await launch(standing === 'failed' ? [record] : [record - 1, record]);
      await stage.until(id, ({ isFinished }) => isFinished);
      return id;
    }
    case 'cancelled':
      return (await tasks.cancel(await launch([record]))).id;
    case 'scheduled':
      throw new Error('no bulk work is scheduled');
  }
}

async function bringOwn(
  stage: TaskStage,
  kind: Exclude<TaskKind, 'bulk'>,
  standing: Standing,
  record: number,
  options: LaunchOptions,
): Promise<number> {
  const { tasks } = stage;
  const isParent = kind === 'parent';
  const definition = ownKinds[kind] as typeof ownKinds.parent;
  const launch = async (way: Way, partWay: Way = 'heed', more: LaunchOptions = {}) => {
    const { id } = await tasks.launch(
      definition,
      { record, way, partWay },
      { ...options, ...more },
    );
    return id;
  };
  const launchNotBegun = async (more?: LaunchOptions) => {
    const id = await launch('return', 'return', more);
    if (isParent)
      await tasks.launch(ownKinds.run, { record: record + 1, way: 'return' }, { parent: id });
    return id;
  };
  const launchSoFar = async (way: Way) => {
    if (way === 'deaf') await stage.holdUp(record);
    const id = await launch(way);
    await stage.until(id, hasGotSoFar);
    if (isParent) await stage.untilParts(id, ['succeeded', 'running']);
    return id;
  };
  const launchWaiting = async (partWay: Way) => {
    const id = await launch(isParent || kind === 'sleeping' ? 'return' : 'again', partWay);
    if (isParent) await stage.untilParts(id, ['succeeded', 'running']);
    await stage.until(
      id,
      ({ state, startedAt, dueAt }) =>
        state === 'queued' && startedAt !== null && (isParent || dueAt !== null),
    );
    return id;
  };
  const untilHeard = (id: number) =>
    stage.until(id, ({ progressMessage }) => progressMessage?.startsWith('heard') === true);
  switch (standing) {
    case 'scheduled':
      return launchNotBegun({ delayMs: dayMs });
    case 'queued':
      return launchNotBegun();
    case 'waiting':
      return launchWaiting('heed');
    case 'running':
      return launchSoFar('heed');
    case 'pausing': {
      const id = await launchSoFar('deaf');
      await tasks.pause(id);
      await untilHeard(id);
      return id;
    }
    case 'paused': {
      const { id } = await tasks.pause(await launchSoFar('heed'));
      await stage.until(id, ({ state }) => state === 'paused');
      return id;
    }
    case 'cancelling': {
      if (!isParent) {
        const { id } = await tasks.cancel(await launchSoFar('deaf'));
        await untilHeard(id);
        return id;
      }
      await stage.holdUp(record + 2);
      return (await tasks.cancel(await launchWaiting('deaf'))).id;
    }
    case 'succeeded': {
      const id = await launch('return', 'return');
      const isAsleep = kind === 'sleeping';
      await stage.until(id, ({ isFinished, dueAt }) => isFinished || (isAsleep && dueAt !== null));
      return id;
    }
    case 'failed': {
      const id = await launch('fail');
      await stage.until(id, ({ isFinished }) => isFinished);
      return id;
    }
    case 'cancelled':
      return (await tasks.cancel(await launchNotBegun())).id;
    case 'preparing':
    case 'partial':
      throw new Error(`no task of one's own is ${standing}`);
  }
}

function hasGotSoFar({
  state,
  progressMessage,
}: {
  state: string;
  progressMessage: string | null;
}) {
  return state === 'running' && progressMessage?.startsWith('so far') === true;
}
