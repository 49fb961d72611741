import type { IncomingMessage } from 'node:http';
import type { GivenBody } from '../http/host-request.ts';

/** What an app may have made of a request before it hands it over. */
interface Read {
  readonly body?: unknown;
  readonly rawBody?: unknown;
}

const form = /^application\/x-www-form-urlencoded(?:\s*;\s*charset="?utf-8"?\s*)?$/i;

/**
 * The form of a request whose body the app has read already: its raw bytes where they were kept,
 * else those that what was made of it can only have come from. Null: it has not been read, or is no
 * form.
 */
export function givenBody(raw: IncomingMessage, { body, rawBody }: Read): GivenBody | null {
  const { 'content-type': type = '', 'content-length': length } = raw.headers;
  if (!raw.readableDidRead && !raw.readableEnded) return null;
  if (!type.toLowerCase().startsWith('application/x-www-form-urlencoded')) return null;
  const kept = bytesOf(rawBody);
  const isEncoded = (raw.headers['content-encoding'] ?? 'identity') !== 'identity';
  const isWhole = (bytes: Buffer) => bytes.length === Number(length ?? Number.NaN);
  if (kept) return isEncoded || length === undefined || isWhole(kept) ? kept : 'unknown';
  const made = form.test(type) && !isEncoded ? pairsOf(body) : null;
  if (!made) return 'unknown';
  // A name that was taken for a path, or a list that was cut, makes it shorter than it came.
  const written =
    raw.headers['hx-request'] === 'true' ? writtenByHtmx(made) : writtenByBrowser(made);
  return isWhole(written) ? written : 'unknown';
}

function bytesOf(given: unknown): Buffer | null {
  if (Buffer.isBuffer(given)) return given;
  return typeof given === 'string' ? Buffer.from(given) : null;
}

/** Null: it is more than names with texts. */
function pairsOf(body: unknown): [string, string][] | null {
  if (typeof body !== 'object' || body === null) return null;
  const pairs: [string, string][] = [];
  for (const [name, value] of Object.entries(body))
    for (const text of Array.isArray(value) ? value : [value]) {
      if (typeof text !== 'string') return null;
      pairs.push([name, text]);
    }
  return pairs;
}

function writtenByBrowser(pairs: [string, string][]): Buffer {
  return Buffer.from(new URLSearchParams(pairs).toString());
}

function writtenByHtmx(pairs: [string, string][]): Buffer {
  try {
    const parts = pairs.map((pair) => pair.map(encodeURIComponent).join('='));
    return Buffer.from(parts.join('&'));
  } catch {
    return Buffer.alloc(0);
  }
}
