import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Database } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { getOperation } from '../operations/operations.ts';
import { createSelection } from '../selection/selection.ts';
import type { TaskContext } from '../tasks/context.ts';
import { cancel } from '../tasks/control/cancel.ts';
import { pause, resume } from '../tasks/control/pause.ts';
import { retry } from '../tasks/follow-ups/retry.ts';
import { undo } from '../tasks/follow-ups/undo.ts';
import { launch } from '../tasks/launching/launch.ts';
import { createPreview } from '../tasks/previewing/preview.ts';
import type { TaskRow } from '../tasks/task-row.ts';
import { purge } from '../tasks/worker/retention.ts';
import { ada, finished, launchOn } from './context.ts';
import { until } from './until.ts';

/** Records of each duel. */
const size = 40;

export interface Ring {
  /** Of two processes, each with connections of its own. */
  contexts: readonly [TaskContext, TaskContext];
  owner: Database['pages'];
  random: () => number;
  /** Kills a worker, and starts another. */
  crash(): Promise<void>;
}

/** Two who do something at the same time; gives what came of it, and throws where that may not be. */
export type Duel = (ring: Ring, ids: readonly number[]) => Promise<string>;

/** What refuses some records, and who may be written how often. */
export const duelsSql = `
  create table gazetteer.refusing (id int primary key);
  create function gazetteer.refuse() returns trigger language plpgsql as $$ begin
    if exists (select from gazetteer.refusing where id = new.id) then raise check_violation using message = 'refused'; end if;
    return new;
  end $$;
  create trigger refuse before update on gazetteer.city for each row execute function gazetteer.refuse()`;

export const duels: Readonly<Record<string, Duel>> = {
  async 'cancel against complete'(ring, ids) {
    const { task, label } = await begin(ring, ids);
    await wait(120 * ring.random());
    const [, cancelled] = await meet(ring, [
      async () => undefined,
      ([, other]) => cancel(other, ada, task.id),
    ]);
    const ended = await finished(ring.contexts[0].db, task.id);
    const isRight =
      ended.state === 'cancelled'
        ? cancelled === 'done'
        : ended.state === 'succeeded' && cancelled === 'task-finished';
    assertLegal(isRight && (await written(ring, ids, label)) === ended.changed, ended);
    return `${ended.state}, cancel ${cancelled}`;
  },

  async 'pause against crash'(ring, ids) {
    const { task, label } = await begin(ring, ids);
    const [paused] = await meet(ring, [([one]) => pause(one, ada, task.id), () => ring.crash()]);
    const resting = await restingState(ring, task.id);
    if (resting === 'paused') await resume(ring.contexts[1], ada, task.id);
    const ended = await finished(ring.contexts[0].db, task.id);
    assertLegal(
      ended.state === 'succeeded' && (await written(ring, ids, label)) === ids.length,
      ended,
    );
    return `${resting}, pause ${paused}`;
  },

  async 'two cleaners'(ring, ids) {
    const { task } = await begin(ring, ids);
    const [one] = ring.contexts;
    await finished(one.db, task.id);
    const old = `update ${one.db.t.task} set finished_at = finished_at - interval '4000 days' where id = $1`;
    await ring.owner.query(old, [task.id]);
    await until(async () => {
      const { rowCount } = await ring.owner.query(
        `select from ${one.db.t.task_event} where task_id = $1 and not is_fanned`,
        [task.id],
      );
      return rowCount === 0;
    });
    const cleaned = await meet(ring, [([first]) => purge(first), ([, other]) => purge(other)]);
    const { rowCount } = await ring.owner.query(`select from ${one.db.t.task} where id = $1`, [
      task.id,
    ]);
    assertLegal(rowCount === 0 && cleaned.every((came) => came === 'done'), cleaned);
    return cleaned.join(', ');
  },

  async 'double retry by one form'(ring, ids) {
    const operationId = randomUUID();
    return retryTwice(ring, ids, operationId, operationId);
  },

  async 'double retry by two forms'(ring, ids) {
    return retryTwice(ring, ids, randomUUID(), randomUUID());
  },

  async 'undo against edit'(ring, ids) {
    const { task, label } = await begin(ring, ids);
    await finished(ring.contexts[0].db, task.id);
    const came = await meet(ring, [
      ([one]) => undo(one, ada, task.id, { operationId: randomUUID(), chosen: null }),
      ([, other]) => edit(other, ids, { 'change.notes': 'append', 'value.notes': '+' }),
    ]);
    const later = await laterTasks(ring, task.id);
    const { rows } = await ring.owner.query<{ notes: string | null }>(
      'select distinct notes from gazetteer.city where id = any($1)',
      [ids],
    );
    const allowed = [null, '+', `${label}+`];
    assertLegal(
      rows.every(({ notes }) => allowed.includes(notes)),
      { rows, came, later },
    );
    return `${came.join(' and ')}: ${later.map(({ operation, state }) => `${operation} ${state}`).join(', ')}`;
  },

  async 'resume against cancel'(ring, ids) {
    const { task, label } = await begin(ring, ids);
    await pause(ring.contexts[0], ada, task.id).catch(passOver);
    await restingState(ring, task.id);
    const came = await meet(ring, [
      ([one]) => resume(one, ada, task.id),
      ([, other]) => cancel(other, ada, task.id),
    ]);
    const ended = await finished(ring.contexts[0].db, task.id);
    const isRight = ended.state === (came[1] === 'done' ? 'cancelled' : 'succeeded');
    assertLegal(isRight && (await written(ring, ids, label)) === ended.changed, { ended, came });
    return `${ended.state}, resume ${came[0]}, cancel ${came[1]}`;
  },

  async 'two confirmations of one preview'(ring, ids) {
    const label = `duel ${randomUUID()}`;
    const [one] = ring.contexts;
    const resource = one.registry.get('cities');
    const selection = await createSelection(one.db, ada, resource, {
      ...{ kind: 'ticked', filter: '', keys: ids.map(key), exclusions: [] },
    });
    const operation = 'update';
    const preview = await createPreview(one, {
      ...{ resource, principal: ada, operation, selectionId: selection.id },
    });
    const body = { field: 'notes', 'value.notes': label };
    const parameters = getOperation(resource, operation).parse(resource, body);
    const request = { resource, principal: ada, operationId: preview.id, operation, parameters };
    const came = await meet(ring, [
      ([first]) => launch(first, request),
      ([, other]) => launch(other, { ...request, resource: other.registry.get('cities') }),
    ]);
    const { rows } = await ring.owner.query<{ id: number }>(
      `select id from ${one.db.t.task} where operation_id = $1`,
      [preview.id],
    );
    assertLegal(rows.length === 1, { rows, came });
    const ended = await finished(one.db, rows[0]?.id ?? 0);
    assertLegal(
      ended.state === 'succeeded' && (await written(ring, ids, label)) === ids.length,
      ended,
    );
    return came.join(' and ');
  },
};

/** Each of its ids has been written exactly once by this label, and nobody else has written it since. */
async function written({ owner }: Ring, ids: readonly number[], label: string): Promise<number> {
  const { rows } = await owner.query<{ count: number; twice: number }>(
    `select count(*)::int as count, count(*) filter (where times > 1)::int as twice from (
       select key, count(*) as times from gazetteer.ledger where after ->> 'notes' = $2 and before ->> 'notes' is distinct from $2
         and (after ->> 'id')::int = any($1) group by key) each`,
    [ids, label],
  );
  assertLegal(rows[0]?.twice === 0, rows);
  return rows[0]?.count ?? 0;
}

/** An edit of these by a label of its own, that has begun. */
async function begin({ contexts: [one], owner }: Ring, ids: readonly number[]) {
  const label = `duel ${randomUUID()}`;
  const { task } = await edit(one, ids, { 'value.notes': label });
  await until(async () => {
    const { rows } = await owner.query<{ state: string }>(
      `select state from ${one.db.t.task} where id = $1`,
      [task.id],
    );
    return !['queued', 'preparing'].includes(rows[0]?.state ?? '');
  });
  return { task, label };
}

function edit(context: TaskContext, ids: readonly number[], body: Record<string, string>) {
  return launchOn(
    context,
    context.registry.get('cities'),
    { kind: 'ticked', keys: ids.map(key) },
    'update',
    { field: 'notes', ...body },
    ada,
    { overlap: 'wait' },
  );
}

async function retryTwice(
  ring: Ring,
  ids: readonly number[],
  ...forms: readonly [string, string]
): Promise<string> {
  const refused = ids.slice(0, ids.length / 2);
  await ring.owner.query('insert into gazetteer.refusing select unnest($1::int[])', [refused]);
  const { task, label } = await begin(ring, ids);
  const first = await finished(ring.contexts[0].db, task.id);
  assertLegal(first.state === 'partial' && first.failed === refused.length, first);
  await ring.owner.query('delete from gazetteer.refusing where id = any($1)', [refused]);
  const came = await meet(ring, [
    ([one]) => retry(one, ada, task.id, { operationId: forms[0], code: null }),
    ([, other]) => retry(other, ada, task.id, { operationId: forms[1], code: null }),
  ]);
  const later = await laterTasks(ring, task.id);
  assertLegal((await written(ring, ids, label)) === ids.length, { came, later });
  assertLegal(forms[0] !== forms[1] || later.length === 1, { came, later });
  return `${came.join(' and ')}: ${later.map(({ state }) => state).join(', ')}`;
}

/** Those that were launched after it on the same records, when each has ended. */
async function laterTasks({ contexts: [{ db }], owner }: Ring, id: number): Promise<TaskRow[]> {
  const { rows } = await owner.query<{ id: number }>(
    `select id from ${db.t.task} where id > $1 order by id`,
    [id],
  );
  return Promise.all(rows.map((later) => finished(db, later.id)));
}

async function restingState({ contexts: [{ db }], owner }: Ring, id: number): Promise<string> {
  let state = '';
  await until(async () => {
    const { rows } = await owner.query<{ state: string }>(
      `select state from ${db.t.task} where id = $1`,
      [id],
    );
    state = rows[0]?.state ?? '';
    return ['paused', 'succeeded', 'failed', 'cancelled', 'partial'].includes(state);
  });
  return state;
}

type Contexts = Ring['contexts'];
type Side = (contexts: Contexts) => Promise<unknown>;

/** Both at once, as nearly as it goes: what came of each, `done` or an error's code. */
async function meet(
  { contexts, random }: Ring,
  sides: readonly [Side, Side],
): Promise<[string, string]> {
  const came = sides.map(async (side) => {
    await wait(10 * random());
    return side(contexts).then(
      () => 'done',
      (error) => {
        if (error instanceof AppError) return error.code;
        throw error;
      },
    );
  });
  return (await Promise.all(came)) as [string, string];
}

function passOver(error: unknown): void {
  if (!(error instanceof AppError)) throw error;
}

function assertLegal(isLegal: boolean, what: unknown): void {
  if (!isLegal) throw new Error(`no legal end: ${JSON.stringify(what)}`);
}

const key = (id: number) => String(id).padStart(20, '0');

/** So many records for each of so many duels. */
export function idsOf(duel: number): number[] {
  return Array.from({ length: size }, (_, index) => duel * size + index + 1);
}
