import plugin from 'fastify-plugin';
import { zoneNamed } from '../../fields/time-zone.ts';

/** Kept by public/time-zone.js. */
const timeZoneCookie = 'bulkhead_time_zone';

/**
 * Times are shown, and meant, in the zone of the browser, which it says by a cookie. A form says
 * itself in which zone it was shown: its times mean that one, wherever the browser has travelled
 * meanwhile.
 */
export const timeZones = plugin(
  async (app) => {
    app.addHook('preHandler', async (request) => {
      const { _zone } = (request.body ?? {}) as { _zone?: unknown };
      const timeZone = zoneOf(_zone) ?? zoneOf(request.cookies?.[timeZoneCookie]);
      if (request.principal && timeZone) request.principal = { ...request.principal, timeZone };
    });
  },
  { name: 'bulkhead-time-zone', dependencies: ['bulkhead-cookie', 'bulkhead-guard'] },
);

function zoneOf(given: unknown): string | null {
  return typeof given === 'string' ? zoneNamed(given) : null;
}
