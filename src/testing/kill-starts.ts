import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import pg from 'pg';
import { bringUp } from '../cli/bring-up.ts';
import { openAdmin } from '../cli/open-admin.ts';
import { parseConfig } from '../config.ts';
import { catalog } from './catalog.ts';
import { type Content, createDatabase } from './database.ts';
import { type KillAt, startKillingProxy } from './killing-proxy.ts';
import { seededRandom } from './random.ts';
import { startTransactionPooler } from './transaction-pooler.ts';

/** One kind of start: what its database begins with, and what it does there. */
export interface StartKind {
  name: string;
  content: Content;
  /** The first statement of what it is about; those before are another kind's. */
  from: RegExp;
  /** What it leaves behind, where that is there already. */
  reference?: Content;
  start(connectionString: string): Promise<unknown>;
}

export interface KilledAt extends KillAt {
  kind: StartKind;
  /** Statement that it was killed at. */
  text: string;
  /** A second one starts at the same moment, and is not killed. */
  isBeside: boolean;
}

export interface StartKinds {
  kinds: StartKind[];
  close(): Promise<void>;
}

/** Ours and the queue's tables; a schema's tables; the sample's rows. */
export async function startKinds(): Promise<StartKinds> {
  const folder = await mkdtemp(join(tmpdir(), 'bulkhead-kill-'));
  const config = parseConfig({ BULKHEAD_FOLDER: folder });
  const sample = await openAdmin({}, config);
  const shop = await openAdmin(
    { schema: join(import.meta.dirname, 'schemas/several-files') },
    config,
  );
  const pooled = async (direct: string) => {
    const pooler = await startTransactionPooler(direct, 2);
    try {
      await bringUp(sample, { ...config, DIRECT_DATABASE_URL: direct }, pooler.through(direct));
    } finally {
      await pooler.stop();
    }
  };
  const kinds: StartKind[] = [
    { name: 'tables', content: 'nothing', from: /./, start: (url) => bringUp(sample, config, url) },
    { name: 'pooled', content: 'nothing', from: /./, start: pooled },
    {
      name: 'push',
      content: 'empty',
      from: /schema_push/,
      start: (url) => bringUp(shop, config, url),
    },
    {
      name: 'seed',
      content: 'empty',
      from: /./,
      reference: 'seeded',
      start: async (url) => sample.admin.seed?.(url, () => undefined),
    },
  ];
  return { kinds, close: () => rm(folder, { recursive: true, force: true }) };
}

/** Everything that a start leaves behind. */
async function stateOf(connectionString: string): Promise<unknown> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const { rows } = await client.query<{ name: string }>(
      `select nspname as name from pg_namespace where nspname !~ '^pg_|^information_schema$' order by 1`,
    );
    const schemas = rows.map(({ name }) => name);
    const state: unknown[] = [];
    for (const schema of schemas)
      state.push(schema, await catalog(client, client.escapeIdentifier(schema)));
    const tables = await client.query<{ name: string }>(
      `select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace::regnamespace::text = any($1) order by 1`,
      [schemas],
    );
    for (const { name } of tables.rows) {
      const counted = await client.query<{ count: number }>(
        `select count(*)::int as count from ${name}`,
      );
      state.push(name, counted.rows[0]?.count);
    }
    return state;
  } finally {
    await client.end();
  }
}

interface Whole {
  statements: readonly string[];
  state: unknown;
}

/** A start that nobody disturbs: its statements, and what it leaves behind. */
async function wholeStart({ content, start }: StartKind): Promise<Whole> {
  return onDatabase(content, async (connectionString) => {
    const proxy = await startKillingProxy(connectionString, { statement: 0, isSent: true });
    try {
      await start(proxy.through(connectionString));
    } finally {
      await proxy.stop();
    }
    return { statements: proxy.statements, state: await stateOf(connectionString) };
  });
}

const unknownStatements = 24;

/**
 * Where what was done and what is remembered of it come apart, were they not of one transaction:
 * every third draw is one of these.
 */
const pivotal = /insert into _prisma_migrations|^commit/i;

async function referenceOf(content: Content): Promise<Whole> {
  const statements = Array.from({ length: unknownStatements }, () => 'not looked at');
  return { statements, state: await onDatabase(content, stateOf) };
}

async function onDatabase<T>(
  content: Content,
  work: (connectionString: string) => Promise<T>,
): Promise<T> {
  const { connectionString, drop } = await createDatabase(content);
  try {
    return await work(connectionString);
  } finally {
    await drop();
  }
}

export interface KillStarts {
  seed: number;
  /** Of each kind; without it, every statement, before and after. */
  draws?: Readonly<Record<string, number>>;
  say(line: string): void;
}

/**
 * Kills starts at statements of theirs and starts again: what is there then is what a start leaves
 * that nobody disturbed. Returns how many were killed, and what was wrong.
 */
export async function killStarts({
  seed,
  draws,
  say,
}: KillStarts): Promise<{ killed: number; broken: string[] }> {
  const random = seededRandom(seed);
  const oneOf = (some: readonly KilledAt[]) => some[Math.floor(random() * some.length)] as KilledAt;
  const { kinds, close } = await startKinds();
  const broken: string[] = [];
  let killed = 0;
  try {
    for (const kind of kinds) {
      if (draws && !draws[kind.name]) continue;
      const whole =
        draws && kind.reference ? await referenceOf(kind.reference) : await wholeStart(kind);
      // One that takes long is not begun a third time.
      const isAlwaysBeside = draws !== undefined && kind.reference !== undefined;
      const first = whole.statements.findIndex((text) => kind.from.test(text));
      const all = whole.statements.slice(first).flatMap((text, index) =>
        [true, false].map(
          (isSent): KilledAt => ({
            kind,
            statement: first + index + 1,
            isSent,
            text,
            isBeside: isAlwaysBeside || random() < 0.3,
          }),
        ),
      );
      const pivots = all.filter(({ text }) => pivotal.test(text));
      const chosen = draws
        ? Array.from({ length: draws[kind.name] ?? 0 }, (_, index) =>
            oneOf(index % 3 === 0 && pivots.length > 0 ? pivots : all),
          )
        : all;
      say(`${kind.name}: ${whole.statements.length - first} statements, ${chosen.length} kills`);
      for (const at of chosen) {
        const wrong = await killOne(at, whole.state);
        killed += 1;
        if (wrong)
          broken.push(
            `${kind.name}, killed ${at.isSent ? 'after' : 'before'} statement ${at.statement}${at.isBeside ? ', another beside it' : ''} (${at.text}): ${wrong}`,
          );
      }
    }
  } finally {
    await close();
  }
  return { killed, broken };
}

async function killOne(
  { kind, statement, isSent, isBeside }: KilledAt,
  wanted: unknown,
): Promise<string | null> {
  return onDatabase(kind.content, async (connectionString) => {
    const proxy = await startKillingProxy(connectionString, { statement, isSent });
    const ended = kind.start(proxy.through(connectionString)).then(
      () => null,
      () => null,
    );
    try {
      // Beside another one a start has fewer statements, since some are done.
      const beside = isBeside ? whyNot(kind.start(connectionString)) : null;
      await Promise.race([ended, proxy.killed]);
      const wrong = (await beside) ?? (await whyNot(kind.start(connectionString)));
      await ended;
      if (wrong) return `the next start ended with ${wrong}`;
      return isDeepStrictEqual(await stateOf(connectionString), wanted)
        ? null
        : 'the next start left something else behind';
    } finally {
      await proxy.stop();
    }
  });
}

async function whyNot(started: Promise<unknown>): Promise<string | null> {
  return started.then(
    () => null,
    (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error)),
  );
}
