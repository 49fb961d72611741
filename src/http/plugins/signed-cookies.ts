import type { FastifyReply, FastifyRequest } from 'fastify';
import plugin from 'fastify-plugin';
import { z } from 'zod';
import { formOwners, withoutMark } from '../../auth/form-owner.ts';
import { formTokens, signedValues } from '../../auth/signed-value.ts';
import { AppError } from '../../errors.ts';
import { tokenOf } from '../csrf-token.ts';
import type { Flash } from '../flash.ts';
import { shellTexts } from '../shell/shell-texts.ts';
import { isSafe } from './csrf.ts';

export interface SignedCookieOptions {
  secret: string;
  path: string;
  /** Cookies go over HTTPS alone, whatever a request says of itself. */
  isHttps: boolean;
}

/** Holds the key of the tokens of a person's forms. */
const formCookie = 'bulkhead_form';
/** Holds what the next whole page says. */
const flashCookie = 'bulkhead_flash';

const flashShape = z.object({
  level: z.enum(['success', 'warning', 'error', 'info']),
  message: z.string(),
  link: z.object({ href: z.string(), label: z.string() }).optional(),
});

/** A browser keeps no cookie of more than 4,096 bytes, of which a character may take eight. */
const flashLength = 450;

/**
 * For people who sign in elsewhere, and so have no session of ours: cookies that are signed for the
 * person who asks, and that are nothing to anybody else.
 */
export const signedCookies = plugin<SignedCookieOptions>(
  async (app, { secret, path, isHttps }) => {
    const values = signedValues(secret);
    const tokens = formTokens(secret);
    const begun = new WeakMap<FastifyRequest, string>();
    // One that is mounted above is sent here too.
    const placed = (name: string) => `${name} ${path}`;
    const read = (name: string, { cookies, principal }: FastifyRequest) =>
      principal ? values.open(placed(name), principal.id, cookies?.[name]) : null;
    const write = (reply: FastifyReply, name: string, value: string) => {
      const { principal, protocol } = reply.request;
      if (!principal) return;
      reply.setCookie(name, values.sign(placed(name), principal.id, value), {
        path,
        httpOnly: true,
        sameSite: 'lax',
        secure: isHttps || protocol === 'https',
      });
    };

    const owners = formOwners(secret);
    app.decorate('formOwners', owners);
    app.decorate('formToken', (reply: FastifyReply) => {
      const { request } = reply;
      const { principal } = request;
      if (!principal) return '';
      let key = read(formCookie, request) ?? begun.get(request);
      if (key === undefined) {
        key = tokens.begin();
        begun.set(request, key);
        write(reply, formCookie, key);
      }
      return owners.sign(tokens.token(key, principal.id), principal.id);
    });
    app.addHook('preHandler', async (request) => {
      if (isSafe(request)) return;
      const { principal } = request;
      const key = read(formCookie, request);
      const isTheirs =
        principal !== null &&
        key !== null &&
        tokens.isOf(withoutMark(tokenOf(request)), key, principal.id);
      if (!isTheirs) throw new AppError('csrf', 403, shellTexts.errors.csrf);
    });

    app.decorateReply('keepFlash', function (this: FastifyReply, { level, message, link }: Flash) {
      const short = message.length > flashLength ? `${message.slice(0, flashLength)} …` : message;
      const kept = { level, message: short.toWellFormed(), ...(link && { link }) };
      write(this, flashCookie, Buffer.from(JSON.stringify(kept)).toString('base64url'));
    });
    app.decorateReply('takeFlash', function (this: FastifyReply) {
      const kept = read(flashCookie, this.request);
      if (kept === null) return null;
      this.clearCookie(flashCookie, { path });
      try {
        return flashShape.parse(JSON.parse(Buffer.from(kept, 'base64url').toString())) as Flash;
      } catch {
        return null;
      }
    });
  },
  { name: 'bulkhead-csrf', dependencies: ['bulkhead-cookie', 'bulkhead-guard'] },
);
