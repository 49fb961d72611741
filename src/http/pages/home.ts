import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import type { Register } from '../../resources/contract.ts';
import { seesEveryRow } from '../../resources/permissions.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import { formatCount, formatRough } from '../format.ts';
import { shellTexts } from '../texts/shell.ts';
import type { Url } from '../url.ts';
import { resourceIcon } from './resource-icon.ts';
import { type TaskLine, taskLine } from './tasks.ts';

export interface HomeData {
  title: string;
  lead: string;
  resources: readonly { label: string; href: string; icon: string; countText: string | null }[];
  tasks: readonly TaskLine[];
  tasksUrl: string;
  words: typeof shellTexts;
}

export interface Home {
  name: string;
  db: Database;
  register: Register;
  principal: Principal;
  tasks: readonly TaskRow[];
  url: Url;
  now: Date;
}

/** One statement beside the tasks it is given. */
export async function homeData({ name, db, register, principal, tasks, url, now }: Home): Promise<HomeData> {
  const listed = register.listFor(principal);
  // What somebody sees only in part is not counted from the outside.
  const counts = await estimateCounts(
    db,
    listed.filter((resource) => seesEveryRow(resource, principal)).map(({ model }) => model.table),
  );
  return {
    title: name,
    lead: shellTexts.homeLead,
    resources: listed.map((resource) => ({
      label: resource.label,
      href: url(`/${resource.slug}`),
      icon: resourceIcon(resource),
      countText: countText(counts.get(resource.model.table)),
    })),
    tasks: tasks.map((task) => taskLine(task, { now, url, resources: register.list, principal })),
    tasksUrl: url('/tasks'),
    words: shellTexts,
  };
}

function countText(count: number | undefined): string | null {
  if (count === undefined || count < 0) return null;
  return count < 1000 ? formatCount(count, 'record', 'records') : shellTexts.aboutRecords(formatRough(count));
}

/** What the database believes; −1 where it has never looked. Counting millions of rows to greet somebody would be slow. */
async function estimateCounts(db: Database, tables: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await db.pages.query<{ name: string; count: number }>(
    `select name, reltuples::float8 as count from unnest($1::text[]) as name join pg_class on pg_class.oid = to_regclass(name)`,
    [tables],
  );
  return new Map(rows.map(({ name, count }) => [name, count]));
}

declare module '../pages.ts' {
  interface Pages {
    'home/show': HomeData;
  }
}
