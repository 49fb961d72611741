import { limits, limitTexts } from '../limits.ts';
import { whyNotPlain } from '../plain-json.ts';
import type { Claims } from './principal.ts';

const anObject = 'Claims are a JSON object, such as {"countries": ["ESP", "PRT"]}.';

/** Claims as they were typed; nothing typed is none. What cannot be used is a sentence. */
export function parseClaims(text: string): { claims: Claims } | { problem: string } {
  if (text.trim() === '') return { claims: {} };
  if (text.length > limits.signIn.claimsLength) return { problem: limitTexts.claims };
  try {
    const given: unknown = JSON.parse(text);
    const problem = claimsProblem(given);
    return problem === null ? { claims: given as Claims } : { problem };
  } catch (error) {
    const reason = (error as Error).message.replace(/\.$/, '');
    return { problem: `This is no JSON: ${reason}. ${anObject}` };
  }
}

/** Why this cannot be somebody's claims; null: it can. */
export function claimsProblem(given: unknown): string | null {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return anObject;
  const reason = whyNotPlain(given, 'claims');
  if (reason) return `In this ${reason}`;
  return JSON.stringify(given).length > limits.signIn.claimsLength ? limitTexts.claims : null;
}

/** As people read and type them; of none, nothing. */
export function claimsText(claims: Claims): string {
  return Object.keys(claims).length === 0 ? '' : JSON.stringify(claims, null, 2);
}
