import type { ModelMeta } from '../metadata/contract.ts';
import { didYouMean } from '../nearest.ts';
import { inlineName } from '../queue/backend.ts';
import { waitingPolicies } from '../unique.ts';
import type { ResourceOptions } from './options.ts';
import type { Problems } from './problems.ts';

/**
 * What can be said about well-shaped options beside the model: fields that are not there, rules
 * that contradict each other.
 */
export function checkOptions(
  name: string,
  model: ModelMeta,
  options: ResourceOptions,
  problems: Problems,
): void {
  const add = (key: string, reason: string) => problems.add(name, key, reason);
  for (const [field, rules] of Object.entries(options.fields ?? {})) {
    if (!model.fields[field])
      add(
        'fields',
        `${name} has no field "${field}".${didYouMean(field, Object.keys(model.fields))}`,
      );
    const relation = model.fields[field]?.foreignKeyOf;
    for (const key of relation
      ? Object.keys(rules ?? {}).filter(
          (option) => !['see', 'change', 'hidden', 'secret'].includes(option),
        )
      : []) {
      add(`fields.${field}.${key}`, `this is the key of "${relation}": say it there.`);
    }
    const isKey = model.fields[field]?.relation || model.fields[field]?.foreignKeyOf;
    if (rules?.kind && isKey) add(`fields.${field}.kind`, 'a relation has a kind of its own.');
    if (rules?.secret && model.fields[field]?.relation)
      add(`fields.${field}.secret`, 'a relation has no value of its own: say hidden.');
    if (rules?.hidden && options.titleField === field) add('titleField', `"${field}" is hidden.`);
  }
  checkBulk();

  function checkBulk(): void {
    const { bulk = {} } = options;
    if (bulk.background === false && bulk.runInBackground)
      add('bulk.runInBackground', 'is never asked, since bulk.background is false.');
    if (bulk.background === false && bulk.minAsyncRecords)
      add('bulk.minAsyncRecords', 'has no effect, since bulk.background is false.');
    const { policy = 'existing' } = bulk.unique ?? {};
    if (bulk.background === false && waitingPolicies.includes(policy))
      add('bulk.unique.policy', `"${policy}" may have to wait, and bulk.background is false.`);
    if (bulk.backend === inlineName && waitingPolicies.includes(policy))
      add('bulk.unique.policy', `"${policy}" may have to wait, and bulk.backend is inline.`);
    if (bulk.runInBackground && bulk.minAsyncRecords)
      add('bulk.minAsyncRecords', 'has no effect beside bulk.runInBackground.');
  }
}
