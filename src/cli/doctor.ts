import type { AdminDefinition } from '../admin-definition.ts';
import { settingsOf } from '../admin-settings.ts';
import { buildContext, composeContext, queueSchemaOf } from '../build-context.ts';
import type { Config } from '../config.ts';
import { addressInWords } from '../database-address.ts';
import { type Database, openDatabase } from '../db/database.ts';
import { AppError } from '../errors.ts';
import { type CheckName, checkNames, type Finding } from '../health/finding.ts';
import { type HealthReport, lookNow } from '../health/health-report.ts';
import { lookForMs, type PartReport } from '../health/look.ts';
import type { TaskContext } from '../tasks/context.ts';
import { within } from '../within.ts';
import { requireDatabaseUrl } from './connection.ts';
import { exitStatuses } from './exit-statuses.ts';
import { type AdminValues, openAdmin } from './open-admin.ts';
import { sentenceOf } from './sentence.ts';

/** Says how Bulkhead is, and what to do about what is wrong. */
export async function doctor(
  { json = false, check, ...values }: AdminValues & { json?: boolean; check?: string },
  config: Config,
): Promise<HealthReport> {
  const report = await looked(values, config, check).catch((error) => {
    throw couldNotLook(error);
  });
  if (!json) sayInWords(report);
  if (report.findings.length > 0) process.exitCode = exitStatuses.failed;
  else if (report.parts.some(({ error }) => error !== null)) process.exitCode = exitStatuses.usage;
  return report;
}

/** What keeps it from looking at all is no finding: of what `read` throws, too. */
export function lookingBy<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw couldNotLook(error);
  }
}

function couldNotLook(error: unknown): AppError {
  return new AppError('usage', 500, String(sentenceOf(error)));
}

async function looked(
  values: AdminValues,
  config: Config,
  check: string | undefined,
): Promise<HealthReport> {
  if (check !== undefined && !isCheck(check))
    throw new AppError('usage', 500, `--check is one of ${checkNames.join(', ')}.`);
  const connectionString = requireDatabaseUrl(config);
  const opened = await open(connectionString, values, config);
  if ('part' in opened) return ofParts([opened.part]);
  try {
    const report = await lookNow(opened.context, check ?? null);
    return ofParts([...(opened.admin ? [opened.admin] : []), ...report.parts]);
  } finally {
    // One that does not answer is not waited for.
    await within(opened.db.close(), lookForMs).catch(() => undefined);
  }
}

function isCheck(name: string): name is CheckName {
  return (checkNames as readonly string[]).includes(name);
}

function ofParts(parts: readonly PartReport[]): HealthReport {
  return { at: new Date(), parts, findings: parts.flatMap(({ findings }) => findings) };
}

type Opened =
  | { readonly part: PartReport }
  /** `admin`: why the definition cannot be used; the rest is looked at without it. */
  | { readonly db: Database; readonly context: TaskContext; readonly admin: PartReport | null };

const quiet = () => undefined;

async function open(
  connectionString: string,
  values: AdminValues,
  config: Config,
): Promise<Opened> {
  const begun = performance.now();
  const part = (name: string, check: CheckName, title: string, finding: Finding): PartReport => ({
    ...{ name, check, title, findings: [finding], note: null, isUnset: false, error: null },
    tookMs: Math.round(performance.now() - begun),
  });
  const options = {
    connectionString,
    schema: config.BULKHEAD_DATABASE_SCHEMA,
    queueSchema: queueSchemaOf(config),
    pagesPoolSize: config.BULKHEAD_PAGES_POOL_SIZE,
  };
  const opening = openDatabase(options);
  const db = await within(opening, lookForMs).catch((error: Error) => error);
  if (db instanceof Error) {
    void opening.then((late) => late.close(), quiet);
    return {
      part: part('answers', 'database', 'The database answers', {
        name: 'database-unreachable',
        title: `The database at ${addressInWords(connectionString)} does not answer. ${sentence(db)}`,
        remedy:
          'See that it runs, and that DATABASE_URL has its address and a role that may connect.',
        path: '/tasks/health',
        check: 'database',
      }),
    };
  }
  try {
    const { admin } = await openAdmin(values, config, quiet, quiet);
    const built = await buildContext(connectionString, config, admin, quiet);
    await db.close();
    return { ...built, admin: null };
  } catch (error) {
    const bare = {
      name: '',
      resources: [],
      createClient: () => ({}),
    } as unknown as AdminDefinition;
    const context = composeContext(db, settingsOf(config, {}), bare, quiet, () => ({}) as never);
    return {
      ...{ db, context },
      admin: part('admin', 'settings', 'The definition of the admin', {
        name: 'definition',
        title: `The admin cannot be started. ${sentence(error)}`,
        remedy: 'Mend what it says: “check” names all of it.',
        path: '/tasks/health',
        check: 'settings',
      }),
    };
  }
}

function sentence(error: unknown): string {
  const said = sentenceOf(error);
  return typeof said === 'string' ? said : error instanceof Error ? error.message : String(error);
}

function sayInWords({ parts, findings }: HealthReport): void {
  for (const { check, title, tookMs, note, isUnset, error, findings: own } of parts) {
    const sound = isUnset ? 'not set' : 'ok';
    const state = error !== null ? 'not looked' : own.length === 0 ? sound : 'wrong';
    const said = error ?? (own.length === 0 ? note : null);
    console.log(
      `${state.padEnd(11)} ${check.padEnd(9)} ${title}${said ? `: ${said}` : ''} (${tookMs} ms)`,
    );
    for (const { title: what, remedy } of own) console.log(`  ${what}\n  → ${remedy}`);
  }
  const isWhole = parts.every(({ error }) => error === null);
  console.log('');
  if (findings.length > 0)
    console.log(findings.length === 1 ? '1 finding.' : `${findings.length} findings.`);
  else if (!isWhole) console.log('No finding, and not everything could be looked at.');
  else console.log('No finding.');
}
