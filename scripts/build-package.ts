import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { root } from './test-files.ts';

const run = promisify(execFile);

/** What is installed beside what the compiler makes: by its path here and there. */
const copied = ['views', 'public', 'prisma/bulkhead', 'docs/settings.md', 'README.md', 'LICENSE'];
/** Sources of what lies compiled in `public/build`, and what only tests read. */
const left = ['views/styles.css', 'prisma/bulkhead/manifest.txt'];

interface OurPackage {
  dependencies: Record<string, string>;
  devDependencies: Record<string, string>;
  optionalDependencies: Record<string, string>;
  [key: string]: unknown;
}

export interface Packed {
  /** The tarball. */
  file: string;
  size: number;
  unpackedSize: number;
  /** By their paths in the package. */
  files: string[];
}

/**
 * Makes the package that a project installs, in a folder that is empty or not there; style sheet
 * and generated code must be there already.
 */
export async function buildPackage(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const options = ['-p', 'tsconfig.build.json', '--outDir', join(folder, 'lib')];
  await run(join(root, 'node_modules/.bin/tsc'), options, { cwd: root }).catch((error) => {
    throw new Error(`The compiler refuses it:\n${(error as { stdout: string }).stdout}`);
  });
  for (const path of copied)
    await cp(join(root, path), join(folder, path), {
      recursive: true,
      filter: (from) => !left.includes(relative(root, from)),
    });
  const made = packageOf(await readJson('package.json'), await engineOf('graphile-worker'));
  await writeFile(join(folder, 'package.json'), `${JSON.stringify(made, null, 2)}\n`);
}

/** Packs what was built, as it would be published. */
export async function packPackage(folder: string, to: string): Promise<Packed> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', to], {
    cwd: folder,
  });
  const [packed] = JSON.parse(stdout) as [
    { filename: string; size: number; unpackedSize: number; files: { path: string }[] },
  ];
  const { filename, size, unpackedSize, files } = packed;
  return { file: join(to, filename), size, unpackedSize, files: files.map(({ path }) => path) };
}

/** Throws what is wrong with it for whoever imports it: entry points, and types as compilers find them. */
export async function lintPackage(file: string): Promise<void> {
  for (const [program, ...args] of [
    ['publint', 'run', '--strict', file],
    ['attw', '--profile', 'esm-only', '--no-color', file],
  ] as const)
    await run(join(root, 'node_modules/.bin', program), args, { cwd: root }).catch((error) => {
      throw new Error(`${program} found:\n${(error as { stdout: string }).stdout}`);
    });
}

/** Ours, less what it is made and tried with. */
function packageOf(ours: OurPackage, engine: string) {
  // Its command would take the place of the project's own Node.
  const { node: _, ...dependencies } = ours.dependencies;
  // What our types are made of.
  for (const name of ['@types/luxon', '@types/pg'])
    dependencies[name] = ours.devDependencies[name] as string;
  const peers = {
    // A server of 60 MB, for those who look at it without one of their own.
    ...mapValues(ours.optionalDependencies, (version) => `^${version}`),
    ...ofProject,
  };
  return {
    name: ours.name,
    version: ours.version,
    description: ours.description,
    license: ours.license,
    type: 'module',
    engines: { node: engine },
    bin: { bulkhead: 'lib/cli/bulkhead.js', 'bulkhead-metadata': 'lib/metadata/generator.js' },
    exports: {
      '.': { types: './lib/index.d.ts', default: './lib/index.js' },
      './package.json': './package.json',
    },
    dependencies: Object.fromEntries(Object.entries(dependencies).sort()),
    peerDependencies: peers,
    peerDependenciesMeta: mapValues(peers, () => ({ optional: true })),
  };
}

/**
 * What the project may have of its own: its client, and the adapter and `pg` that belong to that. Our
 * own copies, of one version, read its schema and make the tables.
 */
const ofProject = {
  '@prisma/adapter-pg': '>=6.16.0 <8',
  '@prisma/client': '>=6.16.0 <8',
  pg: '^8.11.0',
  prisma: '>=6.16.0 <8',
};

function mapValues<V>(versions: Record<string, string>, map: (version: string) => V) {
  return Object.fromEntries(
    Object.entries(versions).map(([name, version]) => [name, map(version)]),
  );
}

/** The oldest Node of the package that asks for the newest. */
async function engineOf(name: string): Promise<string> {
  const { engines } = (await readJson(`node_modules/${name}/package.json`)) as unknown as {
    engines: { node: string };
  };
  return engines.node;
}

async function readJson(path: string): Promise<OurPackage> {
  return JSON.parse(await readFile(join(root, path), 'utf8')) as OurPackage;
}
