import assert from 'node:assert/strict';
import type pg from 'pg';
import { type TaskState, taskStates } from '../../tasks/states.ts';
import { until } from '../until.ts';
import { readable, type SitePage, type SiteVisitor } from './site-visitor.ts';

/** A library as somebody sees it who is signed in. */
export interface Library {
  visitor: SiteVisitor;
  /** Under which the pages of Bulkhead are. */
  prefix: string;
  pool: pg.Pool;
}

/**
 * What every host must do, as a browser without JavaScript does it, and seen in the database: a list,
 * a record that is saved, an edit of all books as a task, a task of the host's own, and the edit
 * taken back.
 */
export async function walkLibrary(library: Library): Promise<void> {
  await walkPages(library);
  await takesStock(library, 'A');
}

/** All of it that needs nothing of the host's own. */
export async function walkPages(library: Library): Promise<void> {
  await seesList(library);
  const { rows } = await library.pool.query<{ shelf: string }>(`select distinct shelf from "Book"`);
  await saves(library);
  const task = await movesBooks(library, 'attic');
  const before = new Set([...rows.map(({ shelf }) => shelf), 'cellar']);
  await takesBack(library, task, [...before].sort());
}

async function seesList({ visitor, prefix }: Library): Promise<void> {
  const list = await opened(visitor, `${prefix}/books`);
  assert.match(list.html, /Book 1\b/);
  assert.match(list.html, /<table/);
}

async function saves({ visitor, prefix, pool }: Library): Promise<void> {
  const title = `A book by ${visitor.address}${prefix}`;
  const form = await opened(visitor, `${prefix}/books/new`);
  // Longer than many a host lets a body be.
  const note = 'A long note. '.repeat(200).trim();
  const made = await visitor.send(form, /\/books\/new$/, { title, shelf: 'cellar', note });
  assert.equal(made.status, 200, readable(made));
  const { rows } = await pool.query(`select id, shelf, note from "Book" where title = $1`, [title]);
  assert.deepEqual(rows, [{ id: rows[0]?.id, shelf: 'cellar', note }]);
  const edit = await opened(visitor, `${prefix}/books/${rows[0]?.id}/edit`);
  const wrong = await visitor.send(edit, /\/edit$/, { title: '' });
  assert.equal(wrong.status, 422, readable(wrong));
  const saved = await visitor.send(wrong, /\/edit$/, { title, note: 'Short.' });
  assert.equal(saved.status, 200, readable(saved));
  const now = await pool.query(`select note from "Book" where title = $1`, [title]);
  assert.deepEqual(now.rows, [{ note: 'Short.' }]);
}

/** Puts all books onto a shelf, by a task that it sees to its end; returns the task's id. */
export async function movesBooks(library: Library, shelf: string): Promise<number> {
  const task = await launchesMove(library, shelf);
  await ends(library, task);
  assert.deepEqual(await shelvesOf(library), [shelf]);
  return task;
}

/** Launches it alone. */
export async function launchesMove({ visitor, prefix }: Library, shelf: string): Promise<number> {
  const list = await opened(visitor, `${prefix}/books`);
  const selected = await visitor.send(list, /\/books\/selection/, { _do: 'matching' });
  const [, href = ''] = /href="([^"]*\/books\/bulk-edit\?[^"]*)"/.exec(selected.html) ?? [];
  const dialog = await opened(visitor, href.replaceAll('&amp;', '&'));
  const launched = await visitor.send(dialog, /bulk-edit/, {
    field: 'shelf',
    'value.shelf': shelf,
    _do: 'launch',
  });
  return taskOf(launched);
}

/** A task of the host's own, from its button to its end. */
export async function takesStock(library: Library, shelf: string): Promise<void> {
  const { pool } = library;
  await ends(library, await launchesStocktake(library, shelf));
  const { rows } = await pool.query(`select shelf, books from "Stocktake"`);
  const { rows: counted } = await pool.query(
    `select count(*)::int as books from "Book" where shelf = $1`,
    [shelf],
  );
  assert.deepEqual(rows, [{ shelf, books: counted[0].books }]);
  await pool.query(`delete from "Stocktake"`);
}

/** Presses the button of the host's own task. */
export async function launchesStocktake(
  { visitor, prefix }: Library,
  shelf: string,
): Promise<number> {
  const form = await opened(visitor, `${prefix}/tasks/new/library.stocktake`);
  return taskOf(await visitor.send(form, /library\.stocktake/, { 'form.shelf': shelf }));
}

/** Takes back what a task did, which leaves books on such shelves. */
export async function takesBack(
  library: Library,
  task: number,
  shelves: readonly string[],
): Promise<void> {
  const { visitor, prefix } = library;
  const page = await opened(visitor, `${prefix}/tasks/${task}/undo`);
  const launched = await visitor.send(page, /\/undo$/, { _which: 'all' });
  await ends(library, taskOf(launched));
  assert.deepEqual(await shelvesOf(library), shelves);
}

/** Sees a task to its end, on its page too, and that it is a good one. */
export async function ends(library: Library, task: number): Promise<void> {
  const end = await endOf(library, task);
  const page = await opened(library.visitor, `${library.prefix}/tasks/${task}`);
  assert.deepEqual(end, { state: 'succeeded', reason: null }, readable(page));
}

/** Waits for it, whatever it is. */
export async function endOf(
  { pool }: Library,
  task: number,
): Promise<{ state: string; reason: string | null }> {
  let end: { state: TaskState; reason: string | null } | undefined;
  await until(async () => {
    const { rows } = await pool.query(`select state, reason from bulkhead.task where id = $1`, [
      task,
    ]);
    end = rows[0] as typeof end;
    return end !== undefined && taskStates[end.state].isFinished;
  });
  return end as NonNullable<typeof end>;
}

export async function shelvesOf({ pool }: Library): Promise<string[]> {
  const { rows } = await pool.query<{ shelf: string }>(
    `select distinct shelf from "Book" order by shelf`,
  );
  return rows.map(({ shelf }) => shelf);
}

async function opened(visitor: SiteVisitor, path: string): Promise<SitePage> {
  const page = await visitor.open(path);
  assert.equal(page.status, 200, `${path} led to ${readable(page)}`);
  return page;
}

function taskOf(page: SitePage): number {
  const id = /\/tasks\/(\d+)/.exec(page.path)?.[1];
  assert.ok(id, `no task was launched, it led to ${readable(page)}`);
  return Number(id);
}
