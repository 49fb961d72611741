// Every command starts here, on whatever Node (20 or newer) the machine has: installs and generates what is missing, then
// hands over to the project's own Node. Plain JavaScript, no dependencies.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { takeLock } from './lock.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => join(root, ...parts);
const node = () => at('node_modules/.bin/node');

const scripts = {
  start: 'src/cli/start.ts',
  serve: 'src/cli/serve.ts',
  work: 'src/cli/work.ts',
  cli: 'src/cli/main.ts',
  check: 'scripts/check.ts',
  bench: 'bench/main.ts',
  fuzz: 'scripts/fuzz.ts',
  property: 'scripts/property.ts',
  chaos: 'scripts/chaos.ts',
  bouncer: 'scripts/bouncer.ts',
  'kill-starts': 'scripts/kill-starts.ts',
};

// What a task leaves behind is short-lived: with room for more of it before it is cleared, a worker grows threefold for nothing.
const nodeOptions = ['--max-semi-space-size=4'];

const [command = '', ...rest] = process.argv.slice(2);
// Two commands on a fresh clone would both install, into one folder.
const giveBack = takeLock(at('generated/.lock'), (pid) =>
  console.log(`Waiting for another command (process ${pid}) to install and generate …`),
);
install();
generate();
style();
giveBack();
if (command !== 'generate') {
  if (!scripts[command]) fail(`There is no command "${command}": ${Object.keys(scripts).join(', ')}.`);
  hand(scripts[command], rest);
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

function run(file, args, hint) {
  const { status, error } = spawnSync(file, args, { cwd: root, stdio: 'inherit' });
  if (error || status !== 0) fail(`"${[file, ...args].join(' ')}" failed${error ? `: ${error.message}` : ''}. ${hint}`);
}

/** `npm ci` where node_modules is absent or older than the lock file. */
function install() {
  const installed = at('node_modules/.package-lock.json');
  const lock = at('package-lock.json');
  if (existsSync(installed) && existsSync(node()) && statSync(installed).mtimeMs >= statSync(lock).mtimeMs) return;
  if (existsSync(installed) && existsSync(node()) && stampOf('installed') === hash([lock])) return;
  console.log('Installing packages (once) …');
  const offline = 'Is the npm registry reachable? The first start needs it.';
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--progress=true', '--include=dev'], offline);
  stamp('installed', hash([lock]));
}

/** The Prisma clients of the sample and, for whoever tests, of the tests' schema, with our metadata; once per content. */
function generate() {
  for (const name of ['generate', 'check', 'fuzz', 'property', 'chaos'].includes(command) ? ['sample', 'torture'] : ['sample']) {
    const schema = at('prisma', name);
    const sources = [...files(schema).filter((path) => path.endsWith('.prisma')), ...files(at('src/metadata')), at('package-lock.json')];
    const key = hash(sources);
    if (stampOf(name) === key && existsSync(at('generated', `${name}-metadata/metadata.ts`))) continue;
    console.log(`Generating the database client (${name}) …`);
    const env = {
      PATH: `${at('node_modules/.bin')}:${process.env.PATH}`,
      PRISMA_SCHEMA_ENGINE_BINARY: node(),
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    };
    const args = [
      at('node_modules/prisma/build/index.js'),
      'generate',
      '--schema',
      name === 'sample' ? join(schema, 'schema.prisma') : schema,
    ];
    const { status, stdout, stderr } = spawnSync(node(), args, { cwd: root, env: { ...process.env, ...env }, encoding: 'utf8' });
    if (status !== 0) fail(`Prisma could not generate the client:\n${stdout}${stderr}`);
    stamp(name, key);
  }
}

/** The style sheet, once per content of views and styles; and the one script that comes from a package. */
function style() {
  mkdirSync(at('public/build'), { recursive: true });
  copyFileSync(at('node_modules/htmx.org/dist/htmx.min.js'), at('public/build/htmx.min.js'));
  const key = hash([...files(at('views')), ...files(at('src/http')), at('package-lock.json')]);
  if (stampOf('styles') === key && existsSync(at('public/build/styles.css'))) return;
  const args = [at('node_modules/@tailwindcss/cli/dist/index.mjs'), '-i', 'views/styles.css', '-o', 'public/build/styles.css', '--minify'];
  const { status, stderr } = spawnSync(node(), args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) fail(`The style sheet could not be built:\n${stderr}`);
  // daisyUI looks through the whole page for a box that switches themes, at every change: there is none.
  const css = readFileSync(at('public/build/styles.css'), 'utf8');
  writeFileSync(at('public/build/styles.css'), css.replace(/:root:has\(input\.theme-controller\[value="?\w+"?\]:checked\),?/g, ''));
  stamp('styles', key);
}

function files(folder) {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

function hash(paths) {
  const digest = createHash('sha256');
  for (const path of paths) digest.update(path.slice(root.length)).update(readFileSync(path));
  return digest.digest('hex');
}

function stampOf(name) {
  const path = at('generated', `.${name}`);
  return existsSync(path) ? readFileSync(path, 'utf8') : null;
}

function stamp(name, key) {
  mkdirSync(at('generated'), { recursive: true });
  writeFileSync(at('generated', `.${name}`), key);
}

/**
 * Runs a script on the project's Node. Signals are passed on; and since ending npm does not end what npm started, the
 * script is also told to stop when our own parent is gone (the channel closes with us, and it watches the channel).
 */
function hand(script, args) {
  const child = spawn(node(), [...nodeOptions, at(script), ...args], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: { ...process.env, PATH: `${at('node_modules/.bin')}:${process.env.PATH}`, NODE_OPTIONS: process.env.NODE_OPTIONS ?? '' },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM');
  }, 500);
  watch.unref();
  child.on('error', (error) => fail(error.message));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}
