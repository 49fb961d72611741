import type { IncomingMessage, ServerResponse } from 'node:http';
import { unsealedNote } from '../audit/audit-secrets.ts';
import { secretNote } from '../auth/session-secret.ts';
import { assertKnownSettings, unknownSettings } from '../config.ts';
import { configFor } from '../config-for.ts';
import { AppError } from '../errors.ts';
import { type HostRequest, noteHostRequest } from '../http/host-request.ts';
import { type OpenedSite, openSite } from '../open-site.ts';
import type { TaskManager } from '../task-manager.ts';
import type { TaskContext } from '../tasks/context.ts';
import { type MountOptions, withPeople } from './options.ts';

/** An admin within an app of the project's. */
export interface Mounted {
  /** Brings it up, or waits until it is; where that failed, tries again. @throws in one sentence why it cannot be */
  ready(): Promise<void>;
  /** @throws AppError 503 'not-started' until it is up */
  readonly tasks: TaskManager;
  /** Answers a request of the app's at an address of ours, once it is up. */
  answer(request: IncomingMessage, response: ServerResponse, at: string, seen: HostRequest): void;
  /** Ends what runs for it. */
  close(): Promise<void>;
}

/** Where tasks are another process's, which has the definition alone. */
const unknownNote =
  'Workers of other processes do not know the people of this app, and end their tasks: give the definition people with refreshUser too, or worker: true.';

/** What failed is tried again by a request no sooner than this. */
const againMs = 2_000;

/** @param prefix in full, with that of the app around it */
export function mountAdmin(
  options: MountOptions<never>,
  prefix: string,
  log: TaskContext['log'],
): Mounted {
  let opening: Promise<OpenedSite> | null = null;
  let site: OpenedSite | null = null;
  let failed: { error: Error; at: number } | null = null;
  let isClosed = false;
  const open = (): Promise<OpenedSite> => {
    if (isClosed) throw new AppError('not-started', 503, `Bulkhead at ${prefix} is closed.`);
    opening ??= openMounted(options, prefix, log).then(
      (opened) => {
        failed = null;
        site = opened;
        return opened;
      },
      async (error) => {
        opening = null;
        const said = await inWords(error, options);
        log('error', said.message, said === error ? { error: said } : {});
        failed = { error: said, at: Date.now() };
        throw said;
      },
    );
    return opening;
  };
  return {
    ready: async () => void (await open()),
    get tasks() {
      if (site) return site.app.bulkhead.tasks;
      throw new AppError('not-started', 503, `Bulkhead at ${prefix} has not started yet.`);
    },
    answer(request, response, at, seen) {
      if (site) return handOver(site, request, response, at, seen);
      const isLate = failed !== null && Date.now() - failed.at < againMs;
      (isLate ? Promise.reject(failed?.error) : Promise.resolve().then(open)).then(
        (opened) => handOver(opened, request, response, at, seen),
        (error: Error) => refuse(response, error),
      );
    },
    async close() {
      isClosed = true;
      await opening?.catch(() => undefined);
      await site?.stop();
      site = null;
    },
  };
}

/** By the steps that `serve` takes. */
async function openMounted(
  options: MountOptions<never>,
  prefix: string,
  log: TaskContext['log'],
): Promise<OpenedSite> {
  // What commands need as well is read when it is wanted: a definition is imported without it.
  const [{ bringUp }, { directUrl }, { ensureFirstUsers }, { openGiven }] = await Promise.all([
    import('../cli/bring-up.ts'),
    import('../cli/connection.ts'),
    import('../cli/first-users.ts'),
    import('../cli/open-project.ts'),
  ]);
  const databaseUrl = options.databaseUrl ?? process.env.DATABASE_URL ?? '';
  const config = configFor(databaseUrl, { ...process.env, BULKHEAD_PREFIX: prefix });
  for (const sentence of unknownSettings(process.env)) log('warning', sentence);
  assertKnownSettings(config, process.env);
  // As the settings have it, which say more about TLS.
  const connectionString = config.DATABASE_URL ?? databaseUrl;
  const opened = await openGiven(withPeople(options), config, (text) => log('info', text));
  const admin = await bringUp(opened, config, connectionString);
  const site = await openSite({
    admin,
    config,
    connectionString,
    direct: directUrl(config, connectionString),
    hasWorker: options.worker ?? false,
    log,
    app: { isMounted: true },
  });
  try {
    await site.app.ready();
    void site.worker?.stoppedByPage.then(() =>
      log('warning', 'The worker has stopped, as somebody asked on a page. Pages are served on.'),
    );
    if (options.getUser && !options.admin.people && !options.worker) log('warning', unknownNote);
    const address = `${config.BULKHEAD_BASE_URL ?? ''}${prefix}`;
    const signIns = await ensureFirstUsers(site.context, config, address, false);
    if (signIns.kind === 'link')
      log('warning', `Create the first admin, once, within a day: ${signIns.link}`);
    const note = secretNote({ ...config, HOST: '0.0.0.0' });
    if (note) log('info', note);
    if (site.context.db.auditKeys.name === null) log('info', unsealedNote);
    return site;
  } catch (error) {
    await site.stop();
    throw error;
  }
}

/** What a person can mend is one sentence; a bug stays whole. */
async function inWords(error: unknown, { databaseUrl }: MountOptions<never>): Promise<Error> {
  const { sentenceOf } = await import('../cli/sentence.ts');
  const said = sentenceOf(error);
  if (typeof said !== 'string') return said instanceof Error ? said : new Error(String(said));
  const text =
    databaseUrl === undefined
      ? said
      : said.replace(
          /The (?:database of DATABASE_URL|embedded database)/,
          'The database of databaseUrl',
        );
  return Object.assign(new AppError('not-started', 503, text), { cause: error });
}

/**
 * What an app has set on an answer before it knew that it would be ours, and that would be wrong of
 * it. What it says of itself, as its own cookies, stays.
 */
const notOfOurs = [
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-security-policy',
  'content-security-policy-report-only',
  'content-type',
  'cross-origin-embedder-policy',
  'cross-origin-opener-policy',
  'cross-origin-resource-policy',
  'etag',
  'expires',
  'last-modified',
  'referrer-policy',
  'transfer-encoding',
  'x-frame-options',
];

function handOver(
  { app }: OpenedSite,
  request: IncomingMessage,
  response: ServerResponse,
  at: string,
  seen: HostRequest,
): void {
  if (response.headersSent || response.destroyed) return;
  for (const name of notOfOurs) response.removeHeader(name);
  noteHostRequest(request, seen);
  request.url = at;
  app.routing(request, response);
}

function refuse(response: ServerResponse, { message }: Error): void {
  if (response.headersSent || response.destroyed) return;
  for (const name of notOfOurs) response.removeHeader(name);
  // Whoever runs it has the sentence in the log: others need not know what the database is called.
  const isForAll = process.env.NODE_ENV === 'production';
  response
    .writeHead(503, {
      'content-type': 'text/plain; charset=utf-8',
      'cache-control': 'no-store',
      'retry-after': String(againMs / 1_000),
    })
    .end(isForAll ? 'Bulkhead could not be started: the log of the app says why.' : message);
}
