import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { parseConfig } from '../config.ts';
import { carefulLog } from '../log/careful-log.ts';
import { jsonLog } from '../log/json-log.ts';
import type { TaskManager } from '../task-manager.ts';
import type { TaskContext } from '../tasks/context.ts';
import { givenBody } from './given-body.ts';
import { mountAdmin } from './mounted.ts';
import { checkMount, invalid, type MountOptions } from './options.ts';

/** How an admin is mounted where requests are those of `node:http`, or made of them. */
export interface HandlerOptions<Request> extends MountOptions<Request> {
  /** Called with what is worth knowing. Default: lines of JSON on standard error, by `BULKHEAD_LOG_LEVEL`. */
  log?: TaskContext['log'] | undefined;
}

/** Answers requests of Express, or of `node:http`, below its prefix. */
export interface Handler<Request> {
  (request: Request, response: ServerResponse, next?: (error?: unknown) => void): void;
  /** Launches and follows tasks. @throws AppError 503 'not-started' until it is up */
  readonly tasks: TaskManager;
  /**
   * Brings it up, which the first request does otherwise.
   *
   * @throws in one sentence why it cannot be; asked again it tries again
   */
  ready(): Promise<void>;
  /** Ends what runs for it. */
  close(): Promise<void>;
}

/** What Express, or whatever else is made of `node:http`, says of a request. */
interface Dressed extends IncomingMessage {
  readonly baseUrl?: unknown;
  readonly originalUrl?: unknown;
  readonly ip?: unknown;
  readonly protocol?: unknown;
  readonly id?: unknown;
  readonly body?: unknown;
  readonly rawBody?: unknown;
}

export function handler<Request extends IncomingMessage = IncomingMessage>(
  options: HandlerOptions<Request>,
): Handler<Request> {
  checkMount(options, options.prefix, ['log']);
  const { prefix, getUser } = options;
  const mounted = mountAdmin(
    options,
    prefix,
    carefulLog(options.log ?? jsonLog(parseConfig(process.env).BULKHEAD_LOG_LEVEL)),
  );
  const answer = (
    given: Request,
    response: ServerResponse,
    next?: (error?: unknown) => void,
  ): void => {
    const request: Dressed = given;
    const at = addressWithin(request, prefix);
    if (typeof at !== 'string') {
      pass(at, response, next);
      return;
    }
    mounted.answer(request, response, at, {
      id: idOf(request.id),
      ...(typeof request.protocol === 'string'
        ? {
            protocol: request.protocol,
            ip: typeof request.ip === 'string' ? request.ip : undefined,
          }
        : (request.socket as Partial<TLSSocket>).encrypted && { protocol: 'https' }),
      principal: () => getUser?.(given),
      body: givenBody(request, request),
    });
  };
  return Object.defineProperties(answer, {
    tasks: { get: () => mounted.tasks },
    ready: { value: () => mounted.ready() },
    close: { value: () => mounted.close() },
  }) as Handler<Request>;
}

/** What is for somebody else, or cannot be ours. */
function pass(
  error: Error | null,
  response: ServerResponse,
  next?: (error?: unknown) => void,
): void {
  if (next) next(error ?? undefined);
  else response.writeHead(error ? 500 : 404).end(error?.message);
}

function idOf(id: unknown): string | undefined {
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined;
}

/** The whole path of a request for us; null: it is for somebody else. */
function addressWithin(request: Dressed, prefix: string): string | null | Error {
  const { url = '/', baseUrl, originalUrl } = request;
  // Express takes off the path that it was mounted at, others take it off without saying what it was.
  if (typeof baseUrl === 'string' && baseUrl !== '')
    return baseUrl.toLowerCase() === prefix.toLowerCase()
      ? `${prefix}${url}`
      : invalid(
          `its handler is used at ${baseUrl}, so let its prefix be that, with all that stands before it.`,
          prefix,
        );
  const whole = typeof baseUrl !== 'string' && typeof originalUrl === 'string' ? originalUrl : url;
  const path = whole.split('?')[0] ?? '';
  const isBelow =
    path.toLowerCase() === prefix.toLowerCase() ||
    path.toLowerCase().startsWith(`${prefix.toLowerCase()}/`);
  return isBelow ? `${prefix}${whole.slice(prefix.length)}` : null;
}
