import { rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { buildPackage, lintPackage, packPackage } from './build-package.ts';
import { readOptions } from './read-options.ts';
import { root } from './test-files.ts';

const { values } = readOptions(
  'Usage: npm run build -- [--list]\n\nMakes the package that a project installs: dist/package, and packed beside it, in which publint and attw must find nothing. --list names its files.',
  { list: { type: 'boolean' } },
);

const dist = join(root, 'dist');
await rm(dist, { recursive: true, force: true });
await buildPackage(join(dist, 'package'));
const { file, size, unpackedSize, files } = await packPackage(join(dist, 'package'), dist);
await lintPackage(file);
if (values.list) for (const path of files) console.log(path);
const inKB = (bytes: number) => `${Math.ceil(bytes / 1000).toLocaleString('en')} kB`;
console.log(
  `${relative(root, file)}: ${inKB(size)} packed, ${inKB(unpackedSize)} unpacked, ${files.length} files`,
);
