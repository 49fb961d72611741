// What the packages of the product bring and an image has no use for: other databases, Prisma's own pages, fonts of icons, source
// maps, types, and a second Node. Run in a folder with package-lock.json and node_modules; plain JavaScript, no dependencies.
import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = process.argv[2] ?? '.';

/** Of whom a package is asked for and never loaded, by what the image can be asked to do. */
const cut = {
  // Its commands `dev` and `studio`, and other databases.
  prisma: ['@prisma/dev', '@prisma/studio-core', 'mysql2', 'postgres'],
  // The image has the Node that it is made from.
  '': ['node'],
};

const files = [
  'node_modules/@prisma/client/runtime/*.{mysql,sqlite,sqlserver,cockroachdb}.*',
  'node_modules/@prisma/client/runtime/{wasm-compiler-edge,index-browser}.*',
  'node_modules/prisma/build/*.{mysql,sqlite,sqlserver,cockroachdb}.*',
  'node_modules/prisma/build/studio.*',
  'node_modules/lucide-static/{dist,font,sprite.svg,icon-nodes.json,tags.json}',
  'node_modules/{effect,zod}/src',
  'node_modules/**/*.{map,d.ts,d.mts,d.cts}',
];

const { packages } = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));

/** Where a package finds another that it names: the nearest, as Node looks for it. */
function placeOf(name, from) {
  const levels = `/${from}`.split('/node_modules/').slice(1);
  for (let count = levels.length; count >= 0; count--) {
    const place = [...levels.slice(0, count), name]
      .map((level) => `node_modules/${level}`)
      .join('/');
    if (packages[place]) return place;
  }
  return null;
}

function keptFrom(first) {
  const kept = new Set();
  const open = [first];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const { dependencies = {}, optionalDependencies = {}, peerDependencies = {} } = packages[at];
    const name = at.split('node_modules/').at(-1);
    const named = {
      ...dependencies,
      ...(at === '' ? {} : { ...optionalDependencies, ...peerDependencies }),
    };
    for (const other of Object.keys(named)) {
      if (cut[name]?.includes(other)) continue;
      const place = placeOf(other, at);
      if (place === null || kept.has(place)) continue;
      kept.add(place);
      open.push(place);
    }
  }
  return kept;
}

const kept = keptFrom('');
for (const place of Object.keys(packages))
  if (place !== '' && !kept.has(place) && existsSync(join(folder, place)))
    rmSync(join(folder, place), { recursive: true, force: true });
for (const pattern of files)
  for (const path of globSync(pattern, { cwd: folder }))
    rmSync(join(folder, path), { recursive: true, force: true });
// Prisma's command imports them whatever it is asked to do.
for (const name of ['@prisma/dev', '@prisma/studio-core']) {
  const at = join(folder, 'node_modules', name);
  mkdirSync(at, { recursive: true });
  const exports = { './*': './none.cjs' };
  writeFileSync(join(at, 'package.json'), JSON.stringify({ name, version: '0.0.0', exports }));
  writeFileSync(join(at, 'none.cjs'), 'module.exports = {};\n');
}
