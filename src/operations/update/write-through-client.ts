import { DbNull } from '@prisma/client/runtime/client';
import type { ModelMeta } from '../../metadata/contract.ts';
import { parseKey, whereKey, whereKeys } from '../../metadata/keys.ts';
import { fieldOf } from '../../metadata/model-fields.ts';
import { delegateOf } from '../../resources/delegate.ts';
import { getEdit } from '../edits/edits.ts';
import type { FieldEdit } from '../field-edit.ts';
import { callEach } from '../rules/objections.ts';
import { isLink, keyOfPassing, keysOf, type Passing } from '../rules/passing.ts';
import { askClient, type HookContext } from '../rules/run-hooks.ts';

/**
 * In one `updateMany` where it can say the change; where it cannot, or the client objects, in an
 * `update` for each.
 */
export async function writeThroughClient(
  context: HookContext,
  passing: readonly Passing[],
  edits: readonly FieldEdit[],
): Promise<void> {
  const { model } = context.resource;
  const delegate = delegateOf(context.tx, model);
  const isOne = edits.every(
    ({ field, change }) => getEdit(change).isConstant && !isLink(fieldOf(model, field)),
  );
  const [first] = passing;
  if (isOne && first && passing.every(({ given }) => Object.keys(given).length === 0)) {
    const data = clientData(context, first, edits);
    const objection = await askClient(context, () =>
      delegate.updateMany({ where: whereKeys(model, keysOf(passing)), data }),
    );
    if (!objection) return;
  }
  const select = Object.fromEntries(model.idFields.map((name) => [name, true]));
  await callEach(passing, keyOfPassing, (item) =>
    askClient(context, () =>
      delegate.update({
        where: whereKey(model, item.row.key),
        data: clientData(context, item, edits),
        select,
      }),
    ),
  );
}

function clientData(
  { resource }: HookContext,
  item: Passing,
  edits: readonly FieldEdit[],
): Record<string, unknown> {
  const { metadata, model } = resource;
  const data: Record<string, unknown> = {};
  for (const name of new Set([...edits.map(({ field }) => field), ...Object.keys(item.given)])) {
    const field = fieldOf(model, name);
    const linked = item.links.get(name);
    const value = item.draft.record[name];
    if (!linked) data[name] = value === null && field.type === 'Json' ? DbNull : value;
    else {
      const related = metadata.models[field.relation?.model ?? ''] as ModelMeta;
      const wheres = (ids: readonly string[]) =>
        ids.map((id) => whereKey(related, parseKey(related, id)));
      data[name] = {
        connect: wheres(linked.after.filter((id) => !linked.before.includes(id))),
        disconnect: wheres(linked.before.filter((id) => !linked.after.includes(id))),
      };
    }
  }
  return data;
}
