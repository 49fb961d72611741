import plugin from 'fastify-plugin';
import { AppError } from '../../errors.ts';
import { limits, limitTexts } from '../../limits.ts';

/** Counts what was sent before anything is done with it: what a route does may take longer than counting. */
export const bodyLimits = plugin(
  async (app) => {
    app.addHook('preValidation', async ({ body }) => {
      if (typeof body !== 'object' || body === null) return;
      const sent = Object.entries(body);
      if (sent.length > limits.formFields) throw tooMany(limitTexts.formFields);
      for (const [name, value] of sent) {
        if (Array.isArray(value) && value.length > limits.valuesOfField) throw tooMany(limitTexts.valuesOfField(name));
      }
    });
  },
  { name: 'bulkhead-body-limits', dependencies: ['bulkhead-guard'] },
);

function tooMany(message: string): AppError {
  return new AppError('too-much', 422, message, { fieldErrors: {} });
}
