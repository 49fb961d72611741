import {
  type FastifyBaseLogger,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { withoutPaths } from '../log/error-text.ts';
import type { Logger, LogLevel } from '../log/log.ts';

type Details = Record<string, unknown>;

/** The log, as the web server writes to it. Of a request it has the route, and no address. */
export function serverLog(log: Logger, bindings: Details = {}): FastifyBaseLogger {
  const to =
    (level: LogLevel) =>
    (first: unknown, second?: unknown): void => {
      if (log.shows?.(level) === false) return;
      const details = first instanceof Error ? { err: first } : objectOf(first);
      const text = typeof first === 'string' ? first : second;
      const { req, res, err, responseTime, ...rest } = details;
      log(level, messageOf(text, err), {
        ...bindings,
        ...rest,
        ...(req ? requestParts(req as FastifyRequest) : {}),
        ...(res ? { status: (res as FastifyReply).statusCode } : {}),
        ...(typeof responseTime === 'number' && { tookMs: Math.round(responseTime) }),
        ...(err !== undefined && err !== null && { error: err }),
      });
    };
  const none = () => undefined;
  return {
    level: 'info',
    ...{ fatal: to('error'), error: to('error'), warn: to('warning'), info: to('info') },
    ...{ debug: to('debug'), trace: none, silent: none },
    child: (more: Details) => serverLog(log, { ...bindings, ...more }),
  } as FastifyBaseLogger;
}

function objectOf(given: unknown): Details {
  return typeof given === 'object' && given !== null ? (given as Details) : {};
}

/** Words of an error stand with it. */
function messageOf(text: unknown, error: unknown): string {
  if (typeof text !== 'string' || text === '') return 'an error';
  return error instanceof Error && error.message === text ? 'an error' : withoutPaths(text);
}

function requestParts({ method, routeOptions }: FastifyRequest): Details {
  return { method, route: routeOptions?.url ?? null };
}

/** What the web server says of requests by itself. */
export class RequestLines extends LogController {
  constructor(isMounted: boolean) {
    // Requests of an app around ours are in its log already.
    super({ disableRequestLogging: isMounted, requestIdLogLabel: 'requestId' });
  }

  override routeNotFound(request: FastifyRequest): void {
    if (!this.isLogDisabled(request)) request.log.info({ req: request }, 'there is no such route');
  }
}
