import { readProduct } from './read-texts.ts';

export interface Thrown {
  path: string;
  code: string;
  status: number;
  /** Keys of the details that are given with it. */
  details: readonly string[];
}

/** Every AppError that the product makes, as its source says. */
export async function thrownErrors(): Promise<Thrown[]> {
  const thrown: Thrown[] = [];
  const sources = await readProduct();
  for (const [path, text] of sources) {
    if (path.startsWith('src/sample/')) continue;
    for (const { index } of text.matchAll(/(?<!\* throw )new AppError\(/g)) {
      const [code = '', status = '', , details = ''] = argumentsAt(text, text.indexOf('(', index));
      thrown.push({
        path,
        code: errorCode(code, text, sources),
        status: Number(status),
        details: keysOf(details),
      });
    }
  }
  return thrown;
}

/** Some codes are constants, which more than one file says. */
function errorCode(written: string, text: string, sources: ReadonlyMap<string, string>): string {
  const [, quoted] = /^'(.+)'$/.exec(written) ?? [];
  if (quoted !== undefined) return quoted;
  const [, from] =
    new RegExp(
      `import \\{[^}]*\\b${written}\\b[^}]*\\} from '\\.{1,2}/(?:.*/)?([\\w-]+\\.ts)'`,
    ).exec(text) ?? [];
  const declared = new RegExp(`const ${written} = '(.+)'`);
  if (!from) return declared.exec(text)?.[1] ?? written;
  for (const [path, source] of sources) {
    const found = path.endsWith(`/${from}`) ? declared.exec(source) : null;
    if (found) return found[1] as string;
  }
  return written;
}

function argumentsAt(text: string, open: number): string[] {
  const parts: string[] = [];
  let depth = 0;
  let start = open + 1;
  let quote = '';
  for (let at = open; at < text.length; at++) {
    const sign = text[at] as string;
    if (quote) {
      if (sign === '\\') at += 1;
      else if (sign === quote) quote = '';
    } else if (`'"\``.includes(sign)) quote = sign;
    else if ('([{'.includes(sign)) depth += 1;
    else if (sign === ',' && depth === 1) {
      parts.push(text.slice(start, at).trim());
      start = at + 1;
    } else if (')]}'.includes(sign)) {
      depth -= 1;
      if (depth === 0) return [...parts, text.slice(start, at).trim()];
    }
  }
  throw new Error('an argument list is not closed');
}

/** Those that are there only sometimes too: `...(isSo && { key: 1 })`. */
function keysOf(literal: string): string[] {
  if (!literal.startsWith('{')) return [];
  return argumentsAt(literal, 0).flatMap((part) => {
    const open = part.startsWith('...') ? part.indexOf('{') : -1;
    return open < 0 ? (/^\w+/.exec(part) ?? []) : keysOf(part.slice(open));
  });
}
