import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../../..');

interface Package {
  version?: string;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  bin?: Record<string, string>;
}

/**
 * Puts what a project and the package depend on where npm finds it, as links to what the repository
 * has installed, so that npm copies nothing. Where the project wants another version of something,
 * nothing is put there, and npm is to place all of it.
 *
 * @param product the package.json of the packed Bulkhead
 * @returns what is wanted in another version
 */
export function placePackages(project: string, product: Package): Record<string, string> {
  const { packages } = readJson(join(root, 'package-lock.json')) as unknown as {
    packages: Record<string, Package>;
  };
  const own = join(project, 'package.json');
  const { dependencies, devDependencies } = existsSync(own) ? readJson(own) : {};
  const wanted = { ...dependencies, ...devDependencies };
  const elsewhere = Object.entries(wanted).filter(
    ([name, range]) => !isIn(range, packages[`node_modules/${name}`]?.version),
  );
  if (elsewhere.length > 0) return Object.fromEntries(elsewhere);
  const found = new Set<string>();
  const walk = (from: string, one: Package) => {
    const all = { ...one.dependencies, ...one.optionalDependencies, ...one.peerDependencies };
    for (const name of Object.keys(all)) {
      const path = [`${from}/node_modules/${name}`, `node_modules/${name}`].find(
        (place) => packages[place],
      );
      if (path === undefined || found.has(path)) continue;
      found.add(path);
      walk(path, packages[path] as Package);
    }
  };
  walk('', { dependencies: { ...wanted, ...product.dependencies } });
  // Those for other platforms are not there.
  const outer = [...found].filter(
    (path) => path.lastIndexOf('node_modules/') === 0 && existsSync(join(root, path)),
  );
  const commands = outer.flatMap((path) =>
    Object.keys(packages[path]?.bin ?? {}).map((name) => `node_modules/.bin/${name}`),
  );
  const copy = (how: string) =>
    spawnSync('cp', [how, '--parents', ...outer, ...commands, project], { cwd: root }).status === 0;
  if (!copy('-al') && !copy('-a')) throw new Error(`packages could not be copied to ${project}`);
  return {};
}

/** As ranges are written here: exactly, or by `^` and a major. */
function isIn(range: string, version = ''): boolean {
  return range.startsWith('^')
    ? version.split('.')[0] === range.slice(1).split('.')[0]
    : version === range;
}

function readJson(path: string): Package {
  return JSON.parse(readFileSync(path, 'utf8')) as Package;
}
