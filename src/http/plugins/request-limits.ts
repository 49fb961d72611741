import plugin from 'fastify-plugin';
import { AppError } from '../../errors.ts';
import { limits, limitTexts } from '../../limits.ts';

/**
 * Measures what was sent before anything is done with it: what a route does may take longer than
 * counting.
 */
export const requestLimits = plugin(
  async (app) => {
    app.addHook('onRequest', async ({ url }) => {
      if (url.length > limits.server.addressLength)
        throw new AppError('address-too-long', 414, limitTexts.address);
    });
    app.addHook('preValidation', async ({ body }) => {
      if (typeof body !== 'object' || body === null) return;
      const sent = Object.entries(body);
      if (sent.length > limits.form.fields) throw tooMany(limitTexts.formFields);
      for (const [name, value] of sent) {
        if (Array.isArray(value) && value.length > limits.form.values)
          throw tooMany(limitTexts.values(name));
      }
    });
  },
  // Before it is asked who it is: the way to sign in leads back to the address.
  { name: 'bulkhead-request-limits', dependencies: ['bulkhead-cookie'] },
);

function tooMany(message: string): AppError {
  return new AppError('too-much', 422, message, { fieldErrors: {} });
}
