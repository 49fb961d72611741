import {
  cpSync,
  globSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
} from 'node:fs';
import { basename, join, matchesGlob, relative } from 'node:path';

const root = join(import.meta.dirname, '../..');

/** One line of a stage. */
export interface ImageStep {
  word: string;
  rest: string;
}

/** From one FROM to the next. */
export interface ImageStage {
  /** Of `AS`; of the last, what it is known by. */
  name: string;
  base: string;
  steps: ImageStep[];
}

/** What a Dockerfile says, stage by stage. */
export function readDockerfile(text: string): ImageStage[] {
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  const stages: ImageStage[] = [];
  for (const line of lines) {
    const [, word = '', rest = ''] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    if (word === 'FROM') {
      const [, base = '', name = 'image'] = /^(\S+)(?: AS (\S+))?$/.exec(rest) ?? [];
      stages.push({ name, base, steps: [] });
    } else if (word) stages.at(-1)?.steps.push({ word, rest });
  }
  return stages;
}

/** Environment variables that a stage sets. */
export function environmentOf({ steps }: ImageStage): Record<string, string> {
  return Object.fromEntries(
    steps.flatMap(({ word, rest }) =>
      word === 'ENV'
        ? [...rest.matchAll(/(\w+)=(\S+)/g)].map(([, name, value]) => [name, value])
        : [],
    ),
  );
}

interface ImageStepsOptions {
  dockerfile?: string;
  /** What is sent to whoever builds. */
  context?: string;
  /** A folder for each stage, which is its `/app`. */
  folder: string;
  run: (command: string, at: string, env: Record<string, string>) => void | Promise<void>;
  say?: (line: string) => void;
}

/** Goes through a Dockerfile without Docker: each COPY and each RUN, in folders. Returns that of the last stage. */
export async function walkDockerfile({
  dockerfile = join(root, 'Dockerfile'),
  context = root,
  folder,
  run,
  say = () => undefined,
}: ImageStepsOptions): Promise<{ folder: string; stage: ImageStage }> {
  const stages = readDockerfile(readFileSync(dockerfile, 'utf8'));
  const isKept = keptBy(context);
  for (const stage of stages) {
    const at = join(folder, stage.name);
    mkdirSync(at, { recursive: true });
    for (const { word, rest } of stage.steps) {
      if (word === 'RUN' || word === 'COPY') say(`${stage.name}: ${word} ${rest}`);
      if (word === 'RUN') await run(rest, at, environmentOf(stage));
      if (word !== 'COPY') continue;
      const [, from] = /--from=(\S+)/.exec(rest) ?? [];
      const names = rest.split(' ').filter((name) => !name.startsWith('--'));
      const to = names.pop() ?? '';
      for (const name of names.flatMap((one) => (from ? [one] : matching(context, one)))) {
        const source = from ? join(folder, from, inApp(name)) : join(context, name);
        copy(
          source,
          targetOf(at, source, to),
          (path) => from !== undefined || isKept(relative(context, path)),
        );
      }
    }
  }
  const stage = stages.at(-1) as ImageStage;
  return { folder: join(folder, stage.name), stage };
}

const inApp = (path: string) => path.replace(/^\/app\/?/, '');

/** A pattern that nothing fits copies nothing. */
function matching(context: string, name: string): string[] {
  return name.includes('*') ? globSync(name, { cwd: context }) : [name];
}

/** Into a folder goes a file by its name, and of a folder what is in it. */
function targetOf(at: string, source: string, to: string): string {
  const target = join(at, inApp(to));
  const isFile = !statSync(source).isDirectory();
  return to.endsWith('/') && isFile ? join(target, basename(source)) : target;
}

function copy(from: string, to: string, filter: (path: string) => boolean): void {
  cpSync(from, to, { recursive: true, filter, verbatimSymlinks: true, preserveTimestamps: true });
}

/** What .dockerignore lets through. */
function keptBy(context: string): (path: string) => boolean {
  const patterns = readFileSync(join(context, '.dockerignore'), 'utf8').trim().split('\n');
  return (path) => !patterns.some((pattern) => matchesGlob(path, pattern));
}

/** Bytes of a folder, or of a file. */
export function bytesOf(path: string): number {
  const stat = lstatSync(path);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(path).reduce((sum, name) => sum + bytesOf(join(path, name)), 0);
}

/** Packages of an image, each with its bytes; the largest first. */
export function packagesIn(folder: string): { name: string; bytes: number }[] {
  const found = globSync('node_modules/{@*/*,[!@.]*}', { cwd: folder });
  return found
    .filter((path) => statSync(join(folder, path)).isDirectory())
    .map((path) => ({
      name: path.replace('node_modules/', ''),
      bytes: bytesOf(join(folder, path)),
    }))
    .sort((a, b) => b.bytes - a.bytes);
}
