import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { metadata } from '../../generated/sample-metadata/metadata.ts';
import sample from '../admin.ts';
import type { Principal } from '../auth/principal.ts';
import type { Database } from '../db/database.ts';
import type { AppError } from '../errors.ts';
import { defineResource } from '../index.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { keySql } from '../metadata/key-sql.ts';
import { actions } from '../resources/actions.ts';
import { clientOf } from '../sample/client.ts';
import { createSelection } from '../selection/selection.ts';
import type { TaskContext } from '../tasks/context.ts';
import { previewUndo, undo } from '../tasks/follow-ups/undo.ts';
import type { Launched } from '../tasks/launched.ts';
import { confirmPreview } from '../tasks/launching/confirm-preview.ts';
import { lookAhead } from '../tasks/previewing/look-ahead.ts';
import { createPreview } from '../tasks/previewing/preview.ts';
import { defaultRunOptions } from '../tasks/run-options.ts';
import { selectTask, type TaskRow } from '../tasks/task-row.ts';
import { ada, eve, launchOn, testContext } from '../testing/context.ts';
import { testDatabase } from '../testing/database.ts';
import { filledForm } from '../testing/filled-form.ts';
import { fillWith } from '../testing/records-of.ts';
import { runAtOnce } from '../testing/run-at-once.ts';
import { getOperation, operationKinds } from './operations.ts';

/**
 * What every operation keeps to: Bulkhead's own on cities, and those of every resource of the
 * sample. A new one is covered without a word here: it is begun on twelve new records of its
 * resource (cities are drafts), and its form is filled in with a value of each control's kind. What
 * a member needs beside that stands in `settings`.
 */
interface Setting {
  /** Of several settings of one operation, which. */
  of?: string;
  /** Of the form, in place of what it would be filled in with. */
  body?: Record<string, unknown>;
  /** Done before, in a task of its own, to the same records: this one takes it back. */
  takesBack?: Taking;
  /** SQL after which place 5 is refused. */
  refusing?: string;
}

/** A task, and the tasks that take it back in turn. */
type Taking = 'an edit' | 'a delete' | 'an undo';

const edited = {
  field: ['status', 'notes', 'tags'],
  'value.status': 'published',
  'value.notes': 'new',
  'change.tags': 'add',
  'value.tags': ['1'],
};

/** By operation; one of the sample's own by its resource too: `'cities/review'`. */
const settings: Readonly<Record<string, readonly Setting[]>> = {
  update: [{ body: edited }],
  undo: [
    {
      of: 'an edit',
      takesBack: 'an edit',
      refusing: `update gazetteer.city set notes = 'mine' where id = 5`,
    },
    { of: 'a delete', takesBack: 'a delete', refusing: place(5) },
    {
      of: 'an undo',
      takesBack: 'an undo',
      refusing: `update gazetteer.city set notes = 'mine' where id = 5`,
    },
  ],
};

const usual: readonly Setting[] = [{}];

const count = 12;

function place(id: number): string {
  return `insert into gazetteer.city (id, name, country_code, feature_code, population, latitude, longitude)
    overriding system value values (${id}, 'Another', 'ESP', 'PPL', 1, 0, 0)`;
}

/** Cities once more, whose own hook puts them away. */
const shelf = defineResource(metadata, 'City', {
  slug: 'shelf',
  hooks: {
    async delete({ record, tx }) {
      const where = { id: record.id, status: { not: 'archived' } } as const;
      await clientOf(tx).city.updateMany({ where, data: { status: 'archived' } });
    },
  },
});

/** Eve may do with records what Ada may, but for those that went away. */
const admin = {
  ...sample,
  schedules: [],
  resources: [...sample.resources, shelf].map((definition) => ({
    ...definition,
    options: {
      ...definition.options,
      permissions: () => actions,
      scope: ({ id }: { id: string }) =>
        id === eve.id ? { NOT: { name: { startsWith: 'Away' } } } : {},
    },
  })),
};

test('every operation', async (t) => {
  const { db } = await testDatabase(t);
  const context = testContext(db, {}, {}, admin);
  const own = context.registry.list.flatMap(({ slug, operations }) =>
    operations.map(({ options }) => ({ slug, operation: options.name, of: `${slug}/` })),
  );
  const ours = operationKinds.map((operation) => ({ slug: 'cities', operation, of: '' }));
  const putAway = { slug: 'shelf', operation: 'delete', of: 'shelf/' };
  for (const { slug, operation, of } of [...ours, ...own, putAway]) {
    for (const setting of settings[`${of}${operation}`] ?? usual) {
      const name = `${of}${operation}${setting.of ? ` of ${setting.of}` : ''}`;
      const set = (principal = ada) => setUp(context, slug, operation, setting, principal);
      for (const [promise, hold] of Object.entries(promises))
        await t.test(`${name}: ${promise}`, () => hold(set, setting));
    }
  }
});

/** What each of them promises. */
const promises: Readonly<
  Record<
    string,
    (set: (principal?: Principal) => Promise<World>, setting: Setting) => Promise<void>
  >
> = {
  async 'a chunk that is repeated changes nothing more'(set) {
    const { begin, run, db, all, picture, journal } = await set();
    const { task } = await begin(all);
    assert.equal((await run(task)).changed, count);
    const before = [await picture(), await journal()];
    await db.pages.query(`update ${db.t.chunk} set state = 'active' where task_id = $1`, [task.id]);
    await db.pages.query(
      `update ${db.t.task} set state = 'running', finished_at = null, chunks_done = 0, done = 0, changed = 0, failed = 0 where id = $1`,
      [task.id],
    );
    const again = await run(task);
    assert.equal(again.done, count, 'the chunk was not repeated');
    assert.equal(again.changed, 0);
    assert.deepEqual([await picture(), await journal()], before);
  },

  async 'an empty selection is refused'(set) {
    const { begin, picture, tasks } = await set();
    const before = [await picture(), await tasks()];
    const isEmpty = ({ code }: AppError) =>
      code === 'empty-selection' || code === 'nothing-to-undo';
    await assert.rejects(begin([]), isEmpty);
    assert.deepEqual([await picture(), await tasks()], before);
  },

  async 'records that another task holds are left'(set) {
    const { begin, run, db, all, slug, model, picture } = await set();
    const { task } = await begin(all);
    const held = all.slice(2, 6);
    await hold(db, { slug, model: model.name }, held);
    const before = await picture(held);
    await db.pages.query(`update ${db.t.task} set overlap = 'skip' where id = $1`, [task.id]);
    const { changed, conflicted } = await run(task);
    assert.deepEqual(
      { changed, conflicted },
      { changed: count - held.length, conflicted: held.length },
    );
    assert.deepEqual(await picture(held), before);
  },

  async 'records outside the row scope are left'(set, { takesBack }) {
    const { begin, run, db, all, some, model, picture } = await set(eve);
    const { task } = await begin(all);
    const moved = all.slice(0, 4);
    const { rowCount } = await db.pages.query(
      `update ${model.table} t set name = 'Away ' || name where ${some}`,
      [moved],
    );
    const before = await picture(moved);
    const { changed } = await run(task);
    // What is deleted is in nobody's scope: whoever did it takes it back.
    assert.equal(rowCount, takesBack === 'a delete' ? 0 : moved.length);
    assert.equal(changed, count - (rowCount ?? 0));
    if (rowCount !== 0) assert.deepEqual(await picture(moved), before);
  },

  async 'a trial writes nothing'(set) {
    const { preview, all, picture, journal, tasks } = await set();
    const before = [await picture(), await journal(), await tasks()];
    const { found } = await preview(all);
    assert.deepEqual(found, { changed: count, unchanged: 0, refused: 0 });
    assert.deepEqual([await picture(), await journal(), await tasks()], before);
  },

  async 'a preview counts what comes of it'(set, { takesBack, refusing }) {
    const { begin, preview, run, db, all, some, model, isTried } = await set();
    const [fifth = '', seventh = '', last = ''] = [all[4], all[6], all[11]];
    // One is so already, one is gone, and one is refused.
    assert.equal((await run((await begin([seventh])).task)).changed, 1);
    await db.pages.query(`delete from ${model.table} t where ${some}`, [[last]]);
    await db.pages.query(refusing ?? raising(model, fifth));
    const { found, confirm } = await preview(all);
    const { changed, unchanged, failed, keptBack, conflicted } = await run((await confirm()).task);
    const refused = failed + keptBack + conflicted;
    if (!isTried) return assert.equal(changed + unchanged + refused, found.changed);
    assert.deepEqual({ changed, unchanged, refused }, found);
    assert.equal(found.refused, takesBack === 'a delete' ? 2 : 1);
    assert.ok(found.changed >= count - 3);
  },

  async 'undo restores every byte'(set) {
    const { begin, run, context, all, picture, isUndoable } = await set();
    const before = await picture();
    const { task } = await begin(all);
    assert.equal((await run(task)).changed, count);
    assert.notDeepEqual(await picture(), before);
    const undoing = undo(context, ada, task.id, { operationId: randomUUID(), chosen: null });
    if (!isUndoable) return assert.rejects(undoing, { code: 'not-undoable' });
    const undone = await runAtOnce(context, undoing);
    assert.deepEqual([undone.state, undone.changed], ['succeeded', count]);
    assert.deepEqual(await picture(), before);
  },
};

/** Whatever is to be done to this record, the database refuses it. */
const raising = (model: ModelMeta, key: string) => `
  create function gazetteer.refuse() returns trigger language plpgsql as $$ begin
    if ${keySql(model, 'old')} = '${key}' then raise exception 'not this one'; end if;
    return case tg_op when 'DELETE' then old else new end;
  end $$;
  create trigger refuse before update or delete on ${model.table} for each row execute function gazetteer.refuse();`;

interface World {
  db: Database;
  context: TaskContext;
  slug: string;
  model: ModelMeta;
  /** Keys of the records, in their order. */
  all: readonly string[];
  /** SQL: a row `t` is among the keys of the first parameter. */
  some: string;
  isUndoable: boolean;
  /** A preview calls no code that is for each record: it counts all that is not refused. */
  isTried: boolean;
  /** Launches it on records, in the background. */
  begin(keys: readonly string[]): Promise<Launched>;
  /** Does a task that is launched. */
  run(task: TaskRow): Promise<TaskRow>;
  /** What would come of it, and a way to have it done. */
  preview(keys: readonly string[]): Promise<{
    found: { changed: number; unchanged: number; refused: number };
    confirm(): Promise<Launched>;
  }>;
  /** Every byte of the gazetteer, or of some of its places. */
  picture(keys?: readonly string[]): Promise<unknown>;
  /** How much is remembered. */
  journal(): Promise<number>;
  tasks(): Promise<number>;
}

async function setUp(
  context: TaskContext,
  slug: string,
  operation: string,
  setting: Setting,
  principal: Principal,
): Promise<World> {
  const { db } = context;
  const { task, chunk, change, selection, preview } = db.t;
  await db.pages.query(`
    drop function if exists gazetteer.refuse cascade;
    truncate ${task}, ${chunk}, ${change}, ${selection}, ${preview} restart identity cascade`);
  const resource = context.registry.for(principal, slug);
  const { model } = resource;
  await fillWith(db, model.name, count);
  if (model.name === 'City')
    await db.pages.query(
      `insert into gazetteer."_CityToTag" select id, 2 from gazetteer.city where id % 3 = 0`,
    );
  const keyOf = `${keySql(model, 't')} collate "C"`;
  const some = `${keyOf} = any($1)`;
  const { rows } = await db.pages.query<{ key: string }>(
    `select ${keyOf} as key from ${model.table} t order by 1`,
  );
  const all = rows.map(({ key }) => key);
  const counted = async (table: string) =>
    (await db.pages.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]?.n ??
    0;
  const inBackground = { inBackground: true };
  const launch = (kind: string, keys: readonly string[], body: Record<string, unknown>) =>
    launchOn(context, resource, { keys: [...keys] }, kind, body, principal, inBackground);
  const takeBack = (id: number, chosen: readonly string[] | null) =>
    undo(context, principal, id, { operationId: randomUUID(), chosen });
  const run = (task: TaskRow) => runAtOnce(context, Promise.resolve({ task, outcome: 'queued' }));
  const kind = getOperation(resource, operation);
  const body = { ...filledForm(kind), ...setting.body };
  const first = setting.takesBack ? await doFirst(setting.takesBack) : null;

  return {
    db,
    context,
    slug,
    model,
    all,
    some,
    isUndoable: kind.isUndoable !== false,
    isTried: !kind.needsClient,
    run,
    begin: (keys) => (first ? takeBack(first.id, keys) : launch(operation, keys, body)),
    preview: (keys) => (first ? previewOfUndo(first, keys) : previewOfBulk(keys)),
    async picture(keys) {
      const tables = ['city', 'country', 'tag', 'language', '"_CityToTag"', '"_CountryToLanguage"'];
      const rows = tables.map(
        (table) => `select '${table}' || t::text as row from gazetteer.${table} t`,
      );
      const chosen = [
        `select t::text as row from ${model.table} t where ${some}`,
        `select l::text from gazetteer."_CityToTag" l join gazetteer.city t on t.id = l."A" where ${some}`,
      ].slice(0, model.name === 'City' ? 2 : 1);
      const sql = `${(keys ? chosen : rows).join(' union all ')} order by 1`;
      return (await db.pages.query(sql, keys ? [keys] : [])).rows;
    },
    journal: () => counted(db.t.change),
    tasks: () => counted(db.t.task),
  };

  async function doFirst(taking: Taking): Promise<TaskRow> {
    const [doing, given] =
      taking === 'a delete' ? ['delete', { acknowledge: 'yes' }] : ['update', edited];
    const done = await run(
      (await launch(doing as string, all, given as Record<string, unknown>)).task,
    );
    return taking === 'an undo' ? run((await takeBack(done.id, null)).task) : done;
  }

  async function previewOfBulk(keys: readonly string[]) {
    const selection = await createSelection(db, principal, resource, {
      kind: 'ticked',
      filter: '',
      keys: [...keys],
      exclusions: [],
    });
    const parameters = kind.parse(resource, body);
    const wanted = {
      resource,
      principal,
      operation,
      selectionId: selection.id,
      parameters,
    };
    let preview = await createPreview(context, wanted);
    // A busy machine may not try every one in the time of a preview: it is asked again.
    for (let times = 0; times < 20 && preview.findings?.isSample !== false; times++)
      preview = await lookAhead(context, { resource, principal, preview });
    const { changed = 0, unchanged = 0, refused = [] } = preview.findings ?? {};
    const options = { ...defaultRunOptions, ...inBackground };
    return {
      found: { changed, unchanged, refused: refused.reduce((sum, group) => sum + group.count, 0) },
      confirm: () =>
        confirmPreview(context, { resource, principal, previewId: preview.id, options }),
    };
  }

  async function previewOfUndo({ id }: TaskRow, keys: readonly string[]) {
    const { restored, unchanged, refused } = await previewUndo(context, principal, id, keys);
    return {
      found: {
        changed: restored,
        unchanged,
        refused: refused.reduce((sum, group) => sum + group.count, 0),
      },
      confirm: () => takeBack(id, keys),
    };
  }
}

/** A task of somebody else's that has these records and does not come to its end. */
async function hold(
  db: Database,
  { slug, model }: { slug: string; model: string },
  keys: readonly string[],
): Promise<void> {
  await db.pages.query(
    `with holder as (
       insert into ${db.t.task} (resource, model, operation, title, backend, principal_id, principal_name, principal, parameters, selection, state)
       values ($2, $3, 'update', 'x', 'queue', 'x', 'x', '{}', '{}', '{}', 'running') returning id
     )
     insert into ${db.t.chunk} (task_id, number, state, keys, first_key, last_key)
     select id, 0, 'active', $1, ($1::text[])[1], ($1::text[])[cardinality($1::text[])] from holder`,
    [keys, slug, model],
  );
  assert.equal(
    (await db.pages.query(`${selectTask(db.t)} where principal_id = 'x'`)).rows.length,
    1,
  );
}
