import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { bytesOf, packagesIn, walkDockerfile } from '../src/testing/image.ts';
import { readOptions } from './read-options.ts';

/** `npm run image`: each COPY and RUN of the Dockerfile by hand, in bare folders, and what comes of it in figures. */
const { values } = readOptions('Usage: npm run image -- [--keep]', { keep: { type: 'boolean' } });
const folder = mkdtempSync(join(tmpdir(), 'bulkhead-image-'));
const machine = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(?!config_)|BULKHEAD_|DATABASE_URL$|NODE_COMPILE_CACHE$|NODE_OPTIONS$)/.test(name),
  ),
);
const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
try {
  const { folder: image } = await walkDockerfile({
    folder,
    say: console.log,
    run(command, cwd, env) {
      const PATH = `${dirname(process.execPath)}:/usr/local/bin:/usr/bin:/bin`;
      execFileSync('sh', ['-ec', command], {
        cwd,
        // How the registry is reached from here, and nothing of this repository.
        env: { ...machine, PATH, HOME: folder, ...env },
        stdio: 'inherit',
      });
    },
  });
  const packages = packagesIn(image);
  console.log(
    `\nThe image adds ${megabytes(bytesOf(image))} to Node's, ${packages.length} packages among it:`,
  );
  for (const name of ['node_modules', 'src', 'views', 'public', 'generated', 'prisma'])
    console.log(`${megabytes(bytesOf(join(image, name))).padStart(9)}  ${name}`);
  console.log('\nPackages:');
  for (const { name, bytes } of packages.slice(0, 15))
    console.log(`${megabytes(bytes).padStart(9)}  ${name}`);
  if (values.keep) console.log(`\nIt is in ${image}.`);
} finally {
  if (!values.keep) rmSync(folder, { recursive: true, force: true });
}
