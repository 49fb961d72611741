import type { Principal } from '../../auth/principal.ts';
import type { Database } from '../../db/database.ts';
import type { OwnPages } from '../../pages/own-pages.ts';
import type { ResourceRegistry } from '../../resources/contract.ts';
import { seesEveryRow } from '../../resources/permissions.ts';
import type { Count } from '../../selection/count.ts';
import type { ListedTask } from '../../tasks/looking/find-tasks.ts';
import { canSelect } from '../controls/can-select.ts';
import { formatCount, formatRough } from '../format.ts';
import { resourceIcon } from '../shell/resource-icon.ts';
import { shellTexts } from '../shell/shell-texts.ts';
import { type TaskLine, taskLine } from '../tasks/tasks.ts';
import type { SiteUrl } from '../url.ts';

export interface HomeData {
  title: string;
  lead: string;
  resources: readonly { label: string; href: string; icon: string; countText: string | null }[];
  /** The project's own. */
  pages: HomeData['resources'];
  tasks: readonly TaskLine[];
  tasksUrl: string;
  noTasks: string;
  words: typeof shellTexts;
}

export interface Home {
  name: string;
  db: Database;
  registry: ResourceRegistry;
  pages: OwnPages;
  principal: Principal;
  tasks: readonly ListedTask[];
  url: SiteUrl;
  now: Date;
}

/** Two statements beside the tasks it is given. */
export async function homeData({
  name,
  db,
  registry,
  pages,
  principal,
  tasks,
  url,
  now,
}: Home): Promise<HomeData> {
  const listed = registry.listFor(principal);
  // What somebody sees only in part is not counted from the outside.
  const counts = await countTables(
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
    pages: pages.listedFor(principal).map(({ options: { label, path, icon } }) => ({
      label,
      href: url(path),
      icon: icon ?? 'file-text',
      countText: null,
    })),
    tasks: tasks.map((task) => taskLine(task, { now, url, resources: registry.list, principal })),
    tasksUrl: url('/tasks'),
    noTasks: listed.some((resource) => canSelect(resource, principal))
      ? shellTexts.noTasks
      : shellTexts.noTasksForViewers,
    words: shellTexts,
  };
}

function countText(count: Count | undefined): string | null {
  if (count === undefined) return null;
  return count.isExact
    ? formatCount(count.value, 'record', 'records')
    : shellTexts.aboutRecords(formatRough(count.value));
}

/** Up to so many rows are counted. */
const maxCounted = 1_000;

/**
 * Small tables are counted; of large ones the database is believed, since counting millions of rows
 * to greet somebody would be slow. What is neither is left out: views, tables that our role may not
 * read, large ones that the database never looked at.
 */
async function countTables(db: Database, tables: readonly string[]): Promise<Map<string, Count>> {
  const { rows } = await db.pages.query<{ name: string; count: number }>(
    `select name, reltuples::float8 as count from unnest($1::text[]) as name join pg_class on pg_class.oid = to_regclass(name)
     where relkind in ('r', 'p', 'm') and has_table_privilege(pg_class.oid, 'select')`,
    [tables],
  );
  const counts = new Map<string, Count>();
  for (const { name, count } of rows)
    if (count > maxCounted) counts.set(name, { value: count, isExact: false });
  const small = rows.filter(({ count }) => count <= maxCounted);
  if (small.length === 0) return counts;
  const counted = await db.pages.query<{ place: number; count: number }>(
    small
      .map(
        ({ name }, place) =>
          `select ${place} as place, count(*)::int from (select from ${name} limit ${maxCounted + 1}) t`,
      )
      .join(' union all '),
  );
  for (const { place, count } of counted.rows) {
    const table = small[place];
    if (table && count <= maxCounted) counts.set(table.name, { value: count, isExact: true });
  }
  return counts;
}

declare module '../pages.ts' {
  interface Pages {
    'home/show': HomeData;
  }
}
