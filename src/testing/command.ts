import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { csrfOf } from './app.ts';

const root = join(import.meta.dirname, '../..');

export interface RunningCommand {
  child: ChildProcess;
  /** Where the pages are; empty for a worker. */
  address: string;
  /** All it has said. */
  text(): string;
  stop(): Promise<void>;
}

const isReady = /Ctrl-C stops it|is served at|A worker is running/;

function spawnCommand(
  args: readonly string[],
  env: Record<string, string>,
  cwd: string,
  [program, ...first]: Program,
  around = process.env,
) {
  const { DATABASE_URL: _, NODE_COMPILE_CACHE: cache, ...rest } = around;
  // A clone keeps what it compiles to itself, and it goes with it.
  const own = cwd === root && cache ? { NODE_COMPILE_CACHE: cache } : {};
  return spawn(program, [...first, ...args], {
    cwd,
    env: { ...rest, ...own, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** What runs a command of this repository, unless something else is given. */
type Program = readonly [string, ...string[]];
const npmRun: Program = ['npm', 'run', '--silent'];

const running = new Set<() => Promise<void>>();

/** Ends whatever a failed test has left running. */
export async function stopCommands(): Promise<void> {
  for (const stop of [...running].reverse()) await stop();
}

/** Starts what a person would type (`start -- --schema …`) and waits until it says that it runs. */
export async function startCommand(
  args: readonly string[],
  env: Record<string, string>,
  cwd = root,
  program = npmRun,
  around = process.env,
): Promise<RunningCommand> {
  const npm = spawnCommand(args, env, cwd, program, around);
  let text = '';
  const ended = new Promise<void>((done) => npm.on('close', () => done()));
  const stop = async () => {
    npm.kill('SIGTERM');
    await ended;
    running.delete(stop);
  };
  running.add(stop);
  await new Promise<void>((done, fail) => {
    const hear = (chunk: Buffer) => {
      text += chunk;
      if (isReady.test(text)) done();
    };
    npm.stdout.on('data', hear);
    npm.stderr.on('data', hear);
    npm.on('close', (code) =>
      fail(new Error(`${program.join(' ')} ${args.join(' ')} ended with ${code}:\n${text}`)),
    );
  });
  const address = /(?:running|served) at (\S+)/.exec(text)?.[1] ?? '';
  return { child: npm, address, text: () => text, stop };
}

/** Runs a command that is expected to end by itself. */
export async function endedCommand(
  args: readonly string[],
  env: Record<string, string>,
  cwd = root,
  program = npmRun,
): Promise<{ status: number | null; text: string }> {
  const npm = spawnCommand(args, env, cwd, program);
  let text = '';
  for (const stream of [npm.stdout, npm.stderr]) {
    stream.on('data', (chunk) => {
      text += chunk;
    });
  }
  return new Promise((done) => npm.on('close', (status) => done({ status, text })));
}

export interface HttpVisitor {
  get(path: string): Promise<string>;
  post(
    path: string,
    body: Record<string, string>,
  ): Promise<{ status: number; text: string; location: string | null }>;
}

/**
 * Signs in over the network as the admin whose password the command printed, else by the link that
 * it printed, now or before.
 */
export async function visitAs(command: RunningCommand): Promise<HttpVisitor> {
  const { address } = command;
  const sample = /admin@example.com +(\S+)/.exec(command.text())?.[1];
  const ada = { email: 'first@example.com', password: 'correct horse battery' };
  const cookieOf = (answer: Response) =>
    answer.headers
      .getSetCookie()
      .map((text) => text.split(';')[0])
      .join('; ');
  const [link, path = ''] = /http\S+(\/first-admin)\?token=\S+/.exec(command.text()) ?? [];
  const page = await fetch(link ?? `${address}/sign-in`);
  const person = link
    ? { token: new URL(link).searchParams.get('token') ?? '', name: 'Ada', ...ada }
    : sample
      ? { email: 'admin@example.com', password: sample }
      : ada;
  const signedIn = await fetch(link ? `${address}${path}` : `${address}/sign-in`, {
    method: 'POST',
    body: new URLSearchParams({ _csrf: csrfOf(await page.text()), ...person }),
    headers: { cookie: cookieOf(page) },
    redirect: 'manual',
  });
  if (signedIn.status !== 303) throw new Error(`signing in was answered ${signedIn.status}`);
  const cookie = cookieOf(signedIn);
  const get = async (path: string) => {
    const answer = await fetch(`${address}${path}`, { headers: { cookie } });
    if (!answer.ok) throw new Error(`${path} was answered ${answer.status}`);
    return answer.text();
  };
  return {
    get,
    async post(path, body) {
      const token = csrfOf(await get('/'));
      const answer = await fetch(`${address}${path}`, {
        method: 'POST',
        body: new URLSearchParams({ _csrf: token, ...body }),
        headers: { cookie },
        redirect: 'manual',
      });
      return {
        status: answer.status,
        text: await answer.text(),
        location: answer.headers.get('location'),
      };
    },
  };
}

/**
 * Opens the home page and every page that it leads to, each once whatever stands behind its `?`.
 * Returns their paths.
 */
export async function openEveryPage({ get }: HttpVisitor): Promise<string[]> {
  const opened = new Set<string>();
  const left = ['/'];
  for (let path = left.shift(); path !== undefined && opened.size < 200; path = left.shift()) {
    if (opened.has(path)) continue;
    opened.add(path);
    const html = await get(path);
    for (const [, found = ''] of html.matchAll(/<a\b[^>]*\shref="(\/[^"?#]*)/g))
      if (!found.startsWith('/static/')) left.push(found);
  }
  return [...opened].sort();
}
