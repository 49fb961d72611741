import { randomUUID } from 'node:crypto';
import type { Principal } from '../auth/principal.ts';
import { taskManagerOf } from '../create-task-manager.ts';
import { AppError } from '../errors.ts';
import { keyOf } from '../metadata/keys.ts';
import { deleteRecord, updateRecord } from '../operations/save-record.ts';
import type { Resource } from '../resources/contract.ts';
import type { TaskContext } from '../tasks/context.ts';
import { cancel } from '../tasks/control/cancel.ts';
import { pause, resume } from '../tasks/control/pause.ts';
import { retry } from '../tasks/follow-ups/retry.ts';
import { undo } from '../tasks/follow-ups/undo.ts';
import { saveContextOf } from '../tasks/launching/save-context.ts';
import type { Overlap } from '../tasks/run-options.ts';
import { type Acknowledged, plainModel } from './acknowledged.ts';
import { chaosAdmin } from './chaos-admin.ts';
import { holdOfPlace, oddCount } from './chaos-tables.ts';
import { dealing, dealingAll, newRun } from './chaos-tasks.ts';
import { launchOn } from './context.ts';
import type { Drawable } from './drawn-causes.ts';

/** What somebody does; resolves to what the database does to it besides. */
export type ChaosAction = readonly [name: string, work: () => Promise<Iterable<Drawable>>];

const unfinished = 'finished_at is null';

/** Everything that a person may do next, each drawn anew. */
export function chaosActions(
  context: TaskContext,
  who: Principal,
  places: number,
  random: () => number,
  acknowledged: Acknowledged,
): ChaosAction[] {
  const { db, registry } = context;
  const tasks = taskManagerOf(chaosAdmin, context).as(who);
  const below = (count: number) => Math.floor(random() * count);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const [cities, countries] = ['cities', 'countries'].map((slug) => registry.for(who, slug)) as [
    Resource,
    Resource,
  ];
  const of = (model: string) =>
    registry.for(who, registry.list.find((one) => one.model.name === model)?.slug ?? model);
  const key = (id: number) => String(id).padStart(20, '0');
  const save = saveContextOf(context, cities, who);
  const options = {
    overlap: pick<Overlap>(['refuse', 'skip', 'wait']),
    inBackground: random() < 0.3,
    skipChanged: random() < 0.2,
  };
  const numbers = (max: number, of: number) => {
    const count = 1 + below(max);
    const first = 1 + below(Math.max(1, of - count));
    return Array.from({ length: count }, (_, index) => first + index);
  };
  const holdsOf = (ids: readonly number[]) => new Set(ids.flatMap((id) => holdOfPlace(id) ?? []));
  const launched = async (
    resource: Resource,
    selected: Parameters<typeof launchOn>[2],
    operation: string,
    body: Record<string, unknown>,
  ) => {
    const { task } = await launchOn(context, resource, selected, operation, body, who, options);
    acknowledged.launched(task.id);
  };
  const onPlaces = async (
    ids: readonly number[],
    body: Record<string, string>,
    operation: 'update' | 'delete' = 'update',
  ) => {
    await launched(cities, { kind: 'ticked', keys: ids.map(key) }, operation, body);
    const written: Drawable[] = body.field === 'notes' ? ['collation without accents'] : [];
    return ['partitioned table' as const, ...written, ...holdsOf(ids)];
  };
  const onAll = async (body: Record<string, string>) => {
    await launched(cities, { kind: 'matching', filter: '' }, 'update', body);
    return [
      'partitioned table' as const,
      ...holdsOf(Array.from({ length: places }, (_, index) => index + 1)),
    ];
  };
  const edit = (resource: Resource, keys: readonly string[], body: Record<string, unknown>) =>
    launched(resource, { kind: 'ticked', keys: [...keys].sort() }, 'update', body);
  const append = { field: 'notes', 'change.notes': 'append', 'value.notes': '+' };
  const setNotes = () => ({
    field: 'notes',
    'value.notes': `${pick(['refused', 'note', 'Note', 'nöte'])} ${below(20)}`,
  });
  const setStatus = () => ({ field: 'status', 'value.status': pick(['draft', 'published']) });
  const onTask = async (condition: string, work: (id: number) => Promise<unknown>) => {
    const { rows } = await db.pages.query<{ id: number }>(
      `select id from ${db.t.task} where principal_id = $1 and ${condition} order by id desc limit 5`,
      [who.id],
    );
    if (rows.length > 0) await work(pick(rows).id);
    return [];
  };
  const undone = async (id: number) => {
    const back = await undo(context, who, id, { operationId: randomUUID(), chosen: null });
    acknowledged.launched(back.task.id);
  };
  const isPausing = `${unfinished} and state in ('paused', 'pausing')`;
  return [
    ['edit all', () => onAll(pick([append, setStatus(), setNotes()]))],
    ['edit some', () => onPlaces(numbers(places / 2, places), append)],
    [
      'edit some',
      () =>
        onPlaces(numbers(places / 2, places), { field: 'featured', 'change.featured': 'toggle' }),
    ],
    ['edit some', () => onPlaces(numbers(places / 2, places), setNotes())],
    ['edit few', () => onPlaces(numbers(15, places), pick([append, setNotes()]))],
    ['delete some', () => onPlaces(numbers(places / 10, places), { acknowledge: 'yes' }, 'delete')],
    ['edit lists', () => editLists()],
    ['edit names', () => editNames()],
    ['edit names', () => editNames()],
    ['edit plain', () => editPlain()],
    ['edit plain', () => editPlain()],
    ['edit countries', () => editCountries()],
    ['own task', () => deal()],
    ['own task', () => deal()],
    ['own tasks', () => dealAll()],
    ['pause', () => onTask(unfinished, (id) => pause(context, who, id))],
    ['resume', () => onTask(isPausing, (id) => resume(context, who, id))],
    ['resume', () => onTask(isPausing, (id) => resume(context, who, id))],
    ['cancel', () => onTask(unfinished, (id) => cancel(context, who, id))],
    [
      'retry',
      () =>
        onTask('failed + kept_back > 0', (id) =>
          retry(context, who, id, { operationId: randomUUID(), code: null }),
        ),
    ],
    ['undo', () => onTask('changed > 0', undone)],
    ['undo of a delete', () => onTask(`operation = 'delete' and changed > 0`, undone)],
    ['save one', () => saveOne()],
    [
      'delete one',
      async () => {
        await deleteRecord(save, key(1 + below(places)));
        return [];
      },
    ],
  ];

  async function deal(): Promise<Drawable[]> {
    const held = random() < 0.5 ? numbers(3, places) : [];
    await tasks.launch(dealing, {
      run: newRun(),
      items: 5 + below(60),
      places: held.map(String),
    });
    return [];
  }

  async function dealAll(): Promise<Drawable[]> {
    await tasks.launch(dealingAll, { run: newRun(), items: 5 + below(20) });
    return [];
  }

  async function editLists(): Promise<Drawable[]> {
    const value = pick([['a'], ['b', 'new'], ['A']]);
    const ids = numbers(oddCount, oddCount);
    await edit(of('ScalarList'), ids.map(key), {
      field: 'texts',
      'change.texts': pick(['add', 'add', 'remove', 'remove', 'replace']),
      'value.texts': value,
    });
    return ids.length < 4
      ? []
      : ['list with empty places', 'list of lists', 'collation without case'];
  }

  async function editPlain(): Promise<Drawable[]> {
    const selected = { kind: 'matching', filter: '' } as const;
    const body = { field: 'name', 'change.name': 'append', 'value.name': '+' };
    await launched(of(plainModel), selected, 'update', body);
    return [];
  }

  /** Some of them onto names that others have. */
  async function editNames(): Promise<Drawable[]> {
    const [model, is] = pick<[string, Drawable]>([
      ['IdBigInt', 'plain unique'],
      ['IdSnowflake', 'deferrable unique'],
      ['IdCuid', 'inherited table'],
    ]);
    const ids = numbers(oddCount, oddCount);
    const keys = model === 'IdCuid' ? ids.flatMap((n) => [`c${n}`, `d${n}`]) : ids.map(key);
    const digits = {
      'change.name': 'find-replace',
      'find.name': String(below(10)),
      'with.name': String(below(100)),
    };
    await edit(of(model), keys, {
      field: 'name',
      ...(random() < 0.7 ? digits : { 'change.name': 'append', 'value.name': '+' }),
    });
    return [is];
  }

  async function editCountries(): Promise<Drawable[]> {
    try {
      await edit(countries, ['ESP', 'FRA'], {
        field: 'region',
        'value.region': `Region ${below(100)}`,
      });
    } catch (error) {
      if (error instanceof AppError && error.code === 'rewritten-table') return ['rule'];
      throw error;
    }
    throw new Error('a table with a rule was to be written');
  }

  async function saveOne(): Promise<Drawable[]> {
    const id = 1 + below(places);
    const field = cities.fields.find(({ name }) => name === 'notes');
    if (!field) throw new Error('there is no field notes');
    const notes = `by hand ${random()}`;
    await updateRecord(save, keyOf(cities.model, { id }), () => new Map([[field, notes]]));
    acknowledged.saved(notes);
    const hold = holdOfPlace(id);
    if (hold) throw new Error(`place ${id} was saved in spite of a ${hold}`);
    return ['partitioned table'];
  }
}
