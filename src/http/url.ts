import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { limits } from '../limits.ts';
import { ourFile } from '../our-files.ts';
import { noOwnFiles, type OwnFiles } from '../own-look.ts';

const publicFolder = ourFile('public');

const { resolve } = createRequire(import.meta.url);

/** Where files that anybody may have stand. */
export const assetFolders = [
  publicFolder,
  ...['htmx.org/dist/htmx.min.js', 'idiomorph/dist/idiomorph-ext.min.js'].map((file) =>
    dirname(resolve(file)),
  ),
];

/** Makes the address of a path of ours; knows the prefix. */
export type Url = (path: string) => string;

/** Every address of ours. */
export interface SiteUrl {
  (path: string): string;
  readonly prefix: string;
  /**
   * Address of a file that anybody may have, with its content's hash, so that it may be cached for
   * ever.
   */
  asset(file: string): string;
  /** Addresses of the project's own style sheets, to be loaded after ours. */
  styles(): readonly string[];
  /** Address of the project's own logo; null: ours is shown. */
  logo(): string | null;
  /** A path of this site to go on to after signing in, else the home page. */
  local(next: unknown): string;
}

/** `isReloaded`: files are written meanwhile, and their hashes asked for again each time. */
export function createUrl(
  prefix: string,
  { isReloaded = false, own = noOwnFiles }: { isReloaded?: boolean; own?: OwnFiles } = {},
): SiteUrl {
  const hashes = new Map<string, string>();
  const url = (path: string) => ascii(`${prefix}${path}`);
  const ownFiles = [...own.styles, ...(own.logo ? [own.logo] : [])];
  const asset = (file: string): string => {
    // One file has many spellings.
    const name = join('/', file);
    let hash = hashes.get(name);
    if (hash === undefined) {
      const ofProject = ownFiles.filter((one) => one.name === file).map((one) => one.file);
      const places = [...ofProject, ...assetFolders.map((folder) => join(folder, file))];
      hash = places.map(hashOf).find((found) => found !== '') ?? '';
      if (hash !== '' && !isReloaded) hashes.set(name, hash);
    }
    return url(`/static/${file}${hash === '' ? '' : `?v=${hash}`}`);
  };
  return Object.assign(url, {
    prefix,
    asset,
    styles: () => own.styles.map(({ name }) => asset(name)),
    logo: () => own.logo && asset(own.logo.name),
    local(next: unknown): string {
      return typeof next === 'string' &&
        next.length <= limits.server.addressLength &&
        isLocalPath(next, prefix)
        ? ascii(next)
        : url('/');
    },
  });
}

/** An address also goes into headers, which take nothing else. */
function ascii(address: string): string {
  return address.replace(/[^\x21-\x7e]+/g, (run) => encodeURIComponent(run.toWellFormed()));
}

/**
 * Does it lead to this site? Browsers read a backslash as a slash and drop tabs and line ends, so
 * that `/\\host` and `/<tab>/host` would leave it.
 */
export function isLocalPath(next: string, prefix = ''): boolean {
  if (!next.startsWith(`${prefix}/`) || /[\\\p{Cc}]/u.test(next)) return false;
  const base = 'http://site.invalid';
  return (
    URL.canParse(next, base) &&
    new URL(next, base).origin === base &&
    !new URL(next, base).pathname.startsWith('//')
  );
}

function hashOf(file: string): string {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('base64url').slice(0, 12);
  } catch {
    return '';
  }
}
