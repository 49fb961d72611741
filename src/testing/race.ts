import pg from 'pg';
import { taskManagerOf } from '../create-task-manager.ts';
import { openDatabase } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { parseKey } from '../metadata/keys.ts';
import { updateRecord } from '../operations/save-record.ts';
import { launchFromCode } from '../tasks/launching/launch-from-code.ts';
import { saveContextOf } from '../tasks/launching/save-context.ts';
import { ada, testContext } from './context.ts';
import { locking, racingAdmin, waiting, whole, yielding } from './racing-admin.ts';
import { seededRandom } from './random.ts';

/** Keys of each model that is raced for. */
export const raced = 12;
/** What is raced for: how a record is named, and what of it is written. */
const models = {
  cities: { table: 'city', id: 'id', field: 'notes', keyOf: (n: number) => String(n) },
  countries: {
    table: 'country',
    id: 'code',
    field: 'capital',
    keyOf: (n: number) => `CA${String.fromCharCode(64 + n)}`,
  },
  languages: { table: 'language', id: 'code', field: 'name', keyOf: (n: number) => `l${n}` },
} as const;
type Some = { resource: keyof typeof models; keys: string[] };
const levels = ['read committed', 'repeatable read', 'serializable'] as const;

/** What was done by name, and what came of it: `done`, or an error's code. */
export type Outcomes = Record<string, number>;

/**
 * Launches, saves and asserts at random on three models, from ten connections at a time, `launches`
 * launches in all: bulk tasks of ticked and of matching records, and tasks of one's own that say what
 * they affect or lock it, alone and with a part.
 */
export async function race(
  connectionString: string,
  { launches, seed }: { launches: number; seed: number },
): Promise<Outcomes> {
  const db = await openDatabase({ connectionString, pagesPoolSize: 10 });
  const context = testContext(db, {}, { minAsyncRecords: 0 }, racingAdmin);
  const tasks = taskManagerOf(racingAdmin, context).as(ada);
  const random = seededRandom(seed);
  const below = (count: number) => Math.floor(random() * count);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const outcomes: Outcomes = {};
  let left = launches;
  await Promise.all(Array.from({ length: 10 }, act));
  await db.close();
  return outcomes;

  async function act(): Promise<void> {
    while (left > 0) {
      const [name, work] = pick(actions());
      if (name.startsWith('launch')) left--;
      const outcome = await work().then(
        () => 'done',
        (error) => {
          if (error instanceof AppError) return error.code;
          throw error;
        },
      );
      outcomes[`${name}: ${outcome}`] = (outcomes[`${name}: ${outcome}`] ?? 0) + 1;
    }
  }

  function some<T extends keyof typeof models>(resources: readonly T[]) {
    const resource = pick(resources);
    const numbers = new Set(Array.from({ length: 1 + below(3) }, () => 1 + below(raced)));
    return { resource, keys: [...numbers].map(models[resource].keyOf) };
  }

  function actions(): [name: string, work: () => Promise<unknown>][] {
    const all = ['cities', 'countries', 'languages'] as const;
    const records = [some(all), some(all)];
    const [one] = records as [Some];
    // What is unique is not changed in bulk, and languages have nothing else.
    const many = some(['cities', 'countries']);
    const { id, field } = models[many.resource];
    const bulk = {
      resource: many.resource,
      operation: 'update',
      parameters: { [field]: { append: '+' } },
      principal: ada,
      options: { overlap: pick(['refuse', 'skip', 'wait'] as const) },
    };
    const values = many.keys.map((key) => (id === 'id' ? Number(key) : key));
    return [
      ['launch waiting', () => tasks.launch(waiting, { records })],
      ['launch yielding', () => tasks.launch(yielding, { records })],
      ['launch locking', () => tasks.launch(locking, { records })],
      ['launch whole', () => tasks.launch(whole, { records })],
      ['launch ticked', () => launchFromCode(context, { ...bulk, keys: many.keys })],
      [
        'launch matching',
        () => launchFromCode(context, { ...bulk, where: { [id]: { in: values } } }),
      ],
      ['save', () => save(one)],
      ...levels.map((level): [string, () => Promise<unknown>] => [
        `assert, ${level}`,
        () => assertAndWrite(one, level),
      ]),
    ];
  }

  async function save({ resource: slug, keys: [key = ''] }: Some) {
    const resource = context.registry.for(ada, slug);
    const field = resource.form.find(({ name }) => name === models[slug].field);
    if (!field) throw new Error(`${slug} has no such field`);
    const by = saveContextOf(context, resource, ada);
    await updateRecord(
      by,
      parseKey(resource.model, key),
      () => new Map([[field, `${slug} ${key} ${random()}`]]),
    );
  }

  /** As code of a project does: asks, then writes, in a transaction of its own. */
  async function assertAndWrite({ resource, keys }: Some, level: (typeof levels)[number]) {
    const client = new pg.Client({ connectionString });
    await client.connect();
    try {
      await client.query(`begin isolation level ${level}`);
      await tasks.assertFree(client, resource, keys);
      const { table, id } = models[resource];
      await client.query(
        `update gazetteer.${table} set name = name || '-' where ${id}::text = any($1)`,
        [keys],
      );
      await client.query('commit');
    } finally {
      await client.end();
    }
  }
}
