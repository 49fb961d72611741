import type { Operation } from '../operations/contract.ts';
import { controlName } from '../operations/own/form-values.ts';
import { sampleOf } from '../resources/sample-value.ts';

/**
 * What the form of an operation sends when it is filled in: in each control of its own a value that
 * the control's kind takes, and the acknowledgement.
 */
export function filledForm({ inputs = [] }: Operation): Record<string, string> {
  const texts = inputs.map((input) => [controlName(input), sampleOf(input)?.form ?? '']);
  return { acknowledge: 'yes', ...Object.fromEntries(texts) };
}
