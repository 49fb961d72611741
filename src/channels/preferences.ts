import { entryJson, insertEntriesSql } from '../audit/entry.ts';
import type { Principal } from '../auth/principal.ts';
import type { TaskContext } from '../tasks/context.ts';
import type { Channel } from './contract.ts';

/** When somebody wants to be told by a channel: `as-ruled` leaves it to the rules. */
export const preferredWhens = ['as-ruled', 'always', 'failures', 'never'] as const;

export interface Preference {
  readonly channel: string;
  readonly when: (typeof preferredWhens)[number];
  /** Only of what ran for so long. */
  readonly longerThanMs: number;
}

/** Channels that somebody can choose: those that reach people one by one. */
export function choosableChannels({ channels }: Pick<TaskContext, 'channels'>): readonly Channel[] {
  return channels.list.filter(({ reaches }) => reaches !== 'one-place');
}

/** What these people have chosen, by their ids; one statement. */
export async function preferencesOf(
  { db: { t, background } }: Pick<TaskContext, 'db'>,
  ids: readonly string[],
): Promise<ReadonlyMap<string, readonly Preference[]>> {
  const { rows } = await background.query<Preference & { personId: string }>(
    `select person_id as "personId", channel, wanted as "when", longer_than_ms as "longerThanMs"
     from ${t.notice_preference} where person_id = any($1)`,
    [ids],
  );
  return Map.groupBy(rows, ({ personId }) => personId);
}

/** Of each channel that they can choose; one statement. */
export async function listPreferences(
  context: Pick<TaskContext, 'db' | 'channels'>,
  { id }: Principal,
): Promise<Preference[]> {
  const { t, pages } = context.db;
  const { rows } = await pages.query<Preference>(
    `select channel, wanted as "when", longer_than_ms as "longerThanMs" from ${t.notice_preference} where person_id = $1`,
    [id],
  );
  return choosableChannels(context).map(
    ({ name }) =>
      rows.find(({ channel }) => channel === name) ?? {
        channel: name,
        when: 'as-ruled',
        longerThanMs: 0,
      },
  );
}

/** Keeps all of them in one statement; what is as ruled is not kept. */
export async function savePreferences(
  { db }: Pick<TaskContext, 'db'>,
  principal: Principal,
  preferences: readonly Preference[],
): Promise<void> {
  const { t, pages } = db;
  const { id } = principal;
  const kept = preferences.filter(({ when }) => when !== 'as-ruled');
  await pages.query(
    `with ruled as (
       delete from ${t.notice_preference} where person_id = $1 and channel = any($2)
     ), entry as (
       ${insertEntriesSql(t, '(select $6::text as entry) given')}
     )
     insert into ${t.notice_preference} (person_id, channel, wanted, longer_than_ms)
     select $1, * from unnest($3::text[], $4::text[], $5::int[])
     on conflict (person_id, channel) do update set wanted = excluded.wanted, longer_than_ms = excluded.longer_than_ms`,
    [
      id,
      preferences.filter(({ when }) => when === 'as-ruled').map(({ channel }) => channel),
      kept.map(({ channel }) => channel),
      kept.map(({ when }) => when),
      kept.map(({ longerThanMs }) => longerThanMs),
      entryJson(db, { act: 'preferences-changed', by: principal, details: { preferences } }),
    ],
  );
}
