import plugin from 'fastify-plugin';
import type { Meters } from '../../tasks/meters.ts';

/** Measures what is answered, by the template of its route: an address that nobody has is `none`. */
export const measured = plugin<{ meters: Pick<Meters, 'request'> }>(
  async (app, { meters }) => {
    app.addHook('onResponse', async (request, reply) => {
      const { url: route } = request.routeOptions;
      meters.request({
        method: request.method,
        route: route ?? 'none',
        status: reply.statusCode,
        tookMs: reply.elapsedTime,
      });
    });
  },
  { name: 'bulkhead-measured' },
);
