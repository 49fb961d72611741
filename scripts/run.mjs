// Every command starts here, on whatever Node (20 or newer) the machine has: installs and generates what is missing, then
// hands over to the project's own Node. Plain JavaScript, no dependencies.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { takeLock } from './lock.mjs';
import { at, files, hash, stamp, stampOf } from './stamps.mjs';
import { style } from './style.mjs';

const node = () => at('node_modules/.bin/node');

const scripts = {
  start: 'src/cli/start.ts',
  dev: 'scripts/dev.ts',
  serve: 'src/cli/serve.ts',
  work: 'src/cli/work.ts',
  cli: 'src/cli/main.ts',
  check: 'scripts/check.ts',
  bench: 'bench/main.ts',
  fuzz: 'scripts/fuzz.ts',
  property: 'scripts/property.ts',
  chaos: 'scripts/chaos.ts',
  soak: 'scripts/soak.ts',
  bouncer: 'scripts/bouncer.ts',
  machines: 'scripts/machines.ts',
  'kill-starts': 'scripts/kill-starts.ts',
  types: 'scripts/types.ts',
  build: 'scripts/build.ts',
  hosts: 'scripts/hosts.ts',
  image: 'scripts/image.ts',
};

/** Schemas by name: where each stands, and the metadata that is made of it. */
const schemas = {
  sample: [at('prisma/sample/schema.prisma'), at('generated/sample-metadata/metadata.ts')],
  torture: [at('prisma/torture'), at('generated/torture-metadata/metadata.ts')],
  shop: [at('examples/shop/prisma'), at('examples/shop/generated/bulkhead/metadata.ts')],
};

/** Programs of packages, with what they are told before what is typed. */
const tools = {
  lint: ['biome', 'check', '--error-on-warnings', '.'],
  format: ['biome', 'format', '--write', '.'],
};

// What a task leaves behind is short-lived: with room for more of it before it is cleared, a worker grows threefold for nothing.
const memory = ['--max-semi-space-size=4'];

// What a start has compiled the next one need not: half of its time.
process.env.NODE_COMPILE_CACHE ??= at('generated/.compiled');

const [command = '', ...rest] = process.argv.slice(2);
/** Meant for the Node that runs the program: `npm start -- --inspect`. What `dev` starts is told by `dev`. */
const isForNode = (argument) =>
  command !== 'dev' && /^--inspect(-brk|-wait|-port)?(=|$)/.test(argument);
// Two commands on a fresh clone would both install, into one folder.
const giveBack = takeLock(at('generated/.lock'), (pid) =>
  console.log(`Waiting for another command (process ${pid}) to install and generate …`),
);
install();
generate();
const unstyled = style();
if (unstyled) fail(unstyled);
giveBack();
if (scripts[command]) {
  const options = [...(command === 'check' ? [] : memory), ...rest.filter(isForNode)];
  hand(node(), [
    ...options,
    at(scripts[command]),
    ...rest.filter((argument) => !isForNode(argument)),
  ]);
} else if (tools[command]) {
  const [program, ...args] = tools[command];
  hand(at('node_modules/.bin', program), [...args, ...rest], at());
} else if (command !== 'generate') {
  fail(
    `There is no command "${command}": ${[...Object.keys(scripts), ...Object.keys(tools)].join(', ')}.`,
  );
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

function run(file, args, hint) {
  const { status, error } = spawnSync(file, args, { cwd: at(), stdio: 'inherit' });
  if (error || status !== 0)
    fail(`"${[file, ...args].join(' ')}" failed${error ? `: ${error.message}` : ''}. ${hint}`);
}

/** `npm ci` where node_modules is absent or older than the lock file. */
function install() {
  const installed = at('node_modules/.package-lock.json');
  const lock = at('package-lock.json');
  if (
    existsSync(installed) &&
    existsSync(node()) &&
    statSync(installed).mtimeMs >= statSync(lock).mtimeMs
  )
    return;
  if (existsSync(installed) && existsSync(node()) && stampOf('installed') === hash([lock])) return;
  console.log('Installing packages (once) …');
  const offline = 'Is the npm registry reachable? The first start needs it.';
  run(
    'npm',
    ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--progress=true', '--include=dev'],
    offline,
  );
  stamp('installed', hash([lock]));
}

/**
 * The Prisma clients of the sample and, for whoever tests, of the tests' schema and of the examples, with our metadata; once per
 * content.
 */
function generate() {
  const isTesting = ['generate', 'check', 'types', 'fuzz', 'property', 'chaos'].includes(command);
  for (const [name, [place, made]] of Object.entries(schemas).slice(0, isTesting ? undefined : 1)) {
    const schema = place.endsWith('.prisma') ? dirname(place) : place;
    const sources = [
      ...files(schema).filter((path) => path.endsWith('.prisma')),
      ...files(at('src/metadata')),
      at('package-lock.json'),
    ];
    const key = hash(sources);
    if (stampOf(name) === key && existsSync(made)) continue;
    console.log(`Generating the database client (${name}) …`);
    const env = {
      PATH: `${at('node_modules/.bin')}:${ownCommands()}:${process.env.PATH}`,
      PRISMA_SCHEMA_ENGINE_BINARY: node(),
      PRISMA_HIDE_UPDATE_MESSAGE: '1',
    };
    const args = [at('node_modules/prisma/build/index.js'), 'generate', '--schema', place];
    const { status, stdout, stderr } = spawnSync(node(), args, {
      cwd: at(),
      env: { ...process.env, ...env },
      encoding: 'utf8',
    });
    if (status !== 0) fail(`Prisma could not generate the client:\n${stdout}${stderr}`);
    stamp(name, key);
  }
}

/** A folder with the generator under the name that schemas of projects know it by. */
function ownCommands() {
  const folder = at('generated/.bin');
  mkdirSync(folder, { recursive: true });
  const text = `#!/bin/sh\nexec "${node()}" "${at('src/metadata/generator.ts')}"\n`;
  writeFileSync(join(folder, 'bulkhead-metadata'), text, { mode: 0o755 });
  return folder;
}

/**
 * Hands over to a program, for a script the project's Node. Signals are passed on; and since ending npm does not end what npm started,
 * it is also told to stop when our own parent is gone (the channel closes with us, and a script watches the channel).
 */
function hand(program, args, cwd = process.cwd()) {
  const child = spawn(program, args, {
    cwd,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    env: {
      ...process.env,
      PATH: `${at('node_modules/.bin')}:${process.env.PATH}`,
      NODE_OPTIONS: process.env.NODE_OPTIONS ?? '',
    },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => child.kill(signal));
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) child.kill('SIGTERM');
  }, 500);
  watch.unref();
  child.on('error', (error) => fail(error.message));
  child.on('exit', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 143)));
}
