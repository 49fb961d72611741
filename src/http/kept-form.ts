import type { FastifyRequest } from 'fastify';
import { defaults, seal, unseal } from 'iron-webcrypto';
import { z } from 'zod';
import { textsOf } from '../form-texts.ts';
import { limits } from '../limits.ts';
import { tokenOf } from './csrf-token.ts';
import { hostRequestOf } from './host-request.ts';

/** A form as it was posted, kept for who posted it. */
export interface KeptForm {
  /** Where it was posted to. */
  action: string;
  /**
   * Pairs that make its route show it once more instead of doing what it says; null: it can only be
   * sent again.
   */
  again: Readonly<Record<string, string>> | null;
  pairs: readonly (readonly [string, string])[];
}

declare module 'fastify' {
  interface FastifyContextConfig {
    /** With these pairs added the posted form is shown as it was typed, and nothing is done. */
    shownAgain?: Readonly<Record<string, string>>;
  }
}

const shape = z.object({
  action: z.string().startsWith('/'),
  again: z.record(z.string(), z.string()).nullable(),
  pairs: z.array(z.tuple([z.string(), z.string()])),
});

/** For so long a form waits in a sign-in page for its owner. */
const maxAgeMs = 60 * 60_000;

/**
 * What a form of ours holds, whatever became of its request; null: there is nothing of it, or it is
 * none that is kept.
 */
export async function keptFormOf(
  request: FastifyRequest,
  max: number = limits.form.bytes,
): Promise<KeptForm | null> {
  const { method, headers, routeOptions } = request;
  if (method !== 'POST' || routeOptions.config?.isPublic === true) return null;
  if (!(headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')) return null;
  const given = hostRequestOf(request.raw)?.body ?? null;
  const pairs =
    request.body !== undefined
      ? pairsIn(request.body)
      : Buffer.isBuffer(given) && given.length <= max
        ? pairsOf(request, given)
        : await readPairs(request, max);
  return pairs && { action: request.url, again: routeOptions.config?.shownAgain ?? null, pairs };
}

export function sealForm(secret: string, form: KeptForm): Promise<string> {
  return seal(form, secret, { ...defaults, ttl: maxAgeMs });
}

/** Null: altered, too old, or nothing of the kind. Whose it is says the token in it. */
export async function openForm(secret: string, sealed: unknown): Promise<KeptForm | null> {
  if (typeof sealed !== 'string' || sealed === '') return null;
  try {
    return shape.parse(await unseal(sealed, secret, { ...defaults, ttl: maxAgeMs }));
  } catch {
    return null;
  }
}

export function tokenIn({ pairs }: KeptForm): string {
  return pairs.find(([name]) => name === '_csrf')?.[1] ?? '';
}

function pairsIn(body: unknown): [string, string][] {
  return Object.entries((body ?? {}) as Record<string, unknown>).flatMap(([name, value]) =>
    textsOf(value).map((text): [string, string] => [name, text]),
  );
}

// Requests that are refused before the form was read: nobody is signed in, or no database could say
// who.
async function readPairs(request: FastifyRequest, max: number): Promise<[string, string][] | null> {
  if (request.raw.readableDidRead || Number(request.headers['content-length'] ?? 0) > max)
    return null;
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    // The rest of the request stays readable: ending it early would end the answer's connection
    // too.
    for await (const piece of request.raw.iterator({ destroyOnReturn: false })) {
      bytes += (piece as Buffer).length;
      if (bytes > max) return null;
      pieces.push(piece as Buffer);
    }
  } catch {
    return null;
  }
  return pairsOf(request, Buffer.concat(pieces));
}

function pairsOf(request: FastifyRequest, bytes: Buffer): [string, string][] {
  const pairs = [...new URLSearchParams(bytes.toString('utf8'))];
  const header = tokenOf(request);
  return pairs.some(([name]) => name === '_csrf') || header === ''
    ? pairs
    : [['_csrf', header], ...pairs];
}
