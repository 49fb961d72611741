import type { Pool } from 'pg';
import type { Principal } from '../auth/principal.ts';
import { systemPrincipal } from '../auth/system-principal.ts';
import { takeTurn } from '../db/take-turn.ts';
import { type Queryable, transaction } from '../db/transaction.ts';
import type { Finding } from '../health/finding.ts';
import { healthParts } from '../health/health-parts.ts';
import { lookAtAll } from '../health/look.ts';
import type { Outbox, TaskContext } from '../tasks/context.ts';
import type { Alert, Channel } from './contract.ts';
import { preferencesOf } from './preferences.ts';
import { reachedBy } from './recipients.ts';

/** How often it is looked whether anything is wrong. */
const lookEveryMs = 30_000;
/** What is not found any more for so long is over: what comes and goes is said once. */
const overAfterMs = 120_000;

/** Name of what a notice of an alert is about, in the place of an event. */
export const alertEvent = 'alert';

/** What a notice of an alert keeps. */
export interface AlertContent extends Omit<Alert, 'id' | 'since' | 'remedy'> {
  readonly since: string;
  readonly remedy?: string;
}

/** Looks again and again whether anything is wrong, by one process at a time. */
export function alertOutbox(contextOf: () => TaskContext): Outbox {
  let lookedAt = Date.now();
  return {
    name: 'alerts',
    listDue: async () => [],
    async deliverNext(pool) {
      if (Date.now() - lookedAt < lookEveryMs) return false;
      lookedAt = Date.now();
      await lookForAlerts(contextOf(), pool);
      return false;
    },
  };
}

interface AlertRow extends Omit<Finding, 'check'> {
  id: string;
  since: Date;
}

/** Has those told who look after things: of what is wrong now, and of what is no more, each once. */
export async function lookForAlerts(
  context: TaskContext,
  pool: Pool,
  { overMs = overAfterMs }: { overMs?: number } = {},
): Promise<void> {
  const { t } = context.db;
  await transaction(pool, async (client) => {
    if (!(await takeTurn(client, 'alerts', t.alert))) return;
    const reports = await lookAtAll(
      context,
      healthParts.filter(({ isAskedFor }) => !isAskedFor),
    );
    const findings = reports.flatMap((report) => report.findings);
    const names = findings.map(({ name }) => name);
    const unseen = reports.filter(({ error }) => error !== null);
    for (const { title, error } of unseen)
      context.log('error', 'whether anything is wrong could not be looked at', { title, error });
    await client.query(
      `update ${t.alert} set seen_at = clock_timestamp() where over_at is null and finding = any($1)`,
      [names],
    );
    // What could not be looked at may go on.
    const over =
      unseen.length > 0
        ? { rows: [] }
        : await client.query<AlertRow>(
            `update ${t.alert} set over_at = clock_timestamp()
       where over_at is null and finding <> all($1) and seen_at < clock_timestamp() - make_interval(secs => $2::float8 / 1000) returning id, finding as name, title, path, remedy, since`,
            [names, overMs],
          );
    const begun = await client.query<AlertRow>(
      `insert into ${t.alert} (finding, title, path, remedy) select * from unnest($1::text[], $2::text[], $3::text[], $4::text[])
       on conflict (finding) where over_at is null do nothing returning id, finding as name, title, path, remedy, since`,
      [
        names,
        findings.map(({ title }) => title),
        findings.map(({ path }) => path),
        findings.map(({ remedy }) => remedy),
      ],
    );
    for (const [rows, isOver] of [
      [over.rows, true],
      [begun.rows, false],
    ] as const)
      for (const row of rows) await announceAlert(client, context, row, isOver);
  });
}

async function announceAlert(
  client: Queryable,
  context: TaskContext,
  { id, name: finding, title, path, remedy, since }: AlertRow,
  isOver: boolean,
): Promise<void> {
  context.log(isOver ? 'info' : 'warning', isOver ? 'an alert is over' : 'an alert', {
    finding,
    title,
    remedy,
  });
  const recipients = await operators(context);
  if (recipients.length === 0) return;
  const alert: AlertContent = { finding, title, path, remedy, since: since.toISOString(), isOver };
  await client.query(
    `insert into ${context.db.t.notice} (event_id, channel, recipient, person, content)
     select $1, channel, recipient, person, $2 from unnest($3::text[], $4::text[], $5::jsonb[]) chosen(channel, recipient, person)
     on conflict do nothing`,
    [
      // Events of tasks count upwards.
      -(2 * Number(id) + Number(isOver)),
      JSON.stringify({ name: alertEvent, at: new Date(), by: null, alert }),
      recipients.map(({ channel }) => channel.name),
      recipients.map(({ recipient }) => recipient),
      recipients.map(({ person }) => person && JSON.stringify(person)),
    ],
  );
}

interface Operator {
  channel: Channel;
  recipient: string;
  person: Principal | null;
}

/** Those whom the admin's rules have told of what the system launches, by the channels that send alerts. */
async function operators(context: TaskContext): Promise<Operator[]> {
  const { channels } = context;
  const found = new Map<string, Operator>();
  for (const { channels: names, to } of channels.rulesFor({ resource: null, operation: '' }))
    for (const channel of channels.list.filter(({ name, alert }) => names.includes(name) && alert))
      for (const one of await reachedBy(context, channel, to, systemPrincipal('alerts')))
        found.set(JSON.stringify([channel.name, one.recipient]), { channel, ...one });
  const all = [...found.values()];
  const people = all.flatMap(({ person }) => person?.id ?? []);
  const chosen = people.length === 0 ? new Map() : await preferencesOf(context, people);
  return all.filter(({ channel, person }) => {
    const theirs: readonly { channel: string; when: string }[] = chosen.get(person?.id ?? '') ?? [];
    return !theirs.some((one) => one.channel === channel.name && one.when === 'never');
  });
}
