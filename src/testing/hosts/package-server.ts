import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { glob, readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';

export interface PackageServer {
  /** What npm is given as its registry. */
  address: string;
  /** Packages that were asked for and are in none of the folders. */
  missing(): string[];
  close(): Promise<void>;
}

interface Manifest {
  name: string;
  version: string;
  [key: string]: unknown;
}

/** As much of a package's own description as npm looks at before it fetches it. */
const described = [
  'name',
  'version',
  'bin',
  'dependencies',
  'optionalDependencies',
  'peerDependencies',
  'peerDependenciesMeta',
  'engines',
  'os',
  'cpu',
  'libc',
];

/**
 * A registry of what lies in folders of installed packages, on this machine alone: npm installs from
 * it as it does from any, with ranges, peers and nested copies, and nothing else is asked.
 */
export async function servePackages(folders: readonly string[]): Promise<PackageServer> {
  const packages = new Map<string, Map<string, { manifest: Manifest; folder: string }>>();
  for (const folder of folders) await collect(folder, packages);
  const missing = new Set<string>();
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const [name = '', version] = decodeURIComponent(pathname.slice(1)).split('/-/');
    const versions = packages.get(name);
    const found = version === undefined ? undefined : versions?.get(version.replace(/\.tgz$/, ''));
    if (found) return sendPacked(found.folder, response);
    if (!versions || version !== undefined) {
      missing.add(name);
      response.writeHead(404, { 'content-type': 'application/json' }).end('{}');
      return;
    }
    const { address, port } = server.address() as AddressInfo;
    const all = [...versions.values()].map(({ manifest }) => ({
      ...Object.fromEntries(described.map((key) => [key, manifest[key]])),
      dist: {
        tarball: `http://${address}:${port}/${name.replace('/', '%2f')}/-/${manifest.version}.tgz`,
      },
    }));
    response.writeHead(200, { 'content-type': 'application/json' }).end(
      JSON.stringify({
        name,
        'dist-tags': { latest: [...versions.keys()][0] },
        versions: Object.fromEntries(all.map((one) => [one['version' as never], one])),
      }),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { address, port } = server.address() as AddressInfo;
  return {
    address: `http://${address}:${port}`,
    missing: () => [...missing].sort(),
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

/** The outermost copies are the newest that anybody gets without naming a version. */
async function collect(
  folder: string,
  packages: Map<string, Map<string, { manifest: Manifest; folder: string }>>,
): Promise<void> {
  const found: string[] = [];
  for await (const path of glob(
    ['{*,@*/*}/package.json', '**/node_modules/{*,@*/*}/package.json'],
    { cwd: folder },
  ))
    found.push(path);
  found.sort((a, b) => a.split('/').length - b.split('/').length || (a < b ? -1 : 1));
  for (const path of found) {
    const manifest = JSON.parse(await readFile(join(folder, path), 'utf8')) as Manifest;
    if (!manifest.name || !manifest.version) continue;
    const versions = packages.get(manifest.name) ?? new Map();
    packages.set(manifest.name, versions);
    if (!versions.has(manifest.version))
      versions.set(manifest.version, { manifest, folder: dirname(join(folder, path)) });
  }
}

function sendPacked(folder: string, response: import('node:http').ServerResponse): void {
  const tar = spawn(
    'tar',
    ['-c', '-C', folder, '--exclude=./node_modules', '--transform=s,^\\.,package,S', '.'],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  response.writeHead(200, { 'content-type': 'application/octet-stream' });
  tar.stdout.pipe(response);
}
