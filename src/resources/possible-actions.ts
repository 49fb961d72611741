import type { ModelMeta } from '../metadata/contract.ts';
import type { Action } from './actions.ts';

/**
 * Can this be done with records of the model at all, whoever asks? Views, and what no id can
 * address, are only looked at.
 */
export function isPossible(model: ModelMeta, action: Action): boolean {
  if (action === 'list') return true;
  if (model.isView || model.idFields.length === 0) return false;
  return action !== 'create' || model.unwritable.length === 0;
}
