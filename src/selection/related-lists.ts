import type { Principal } from '../auth/principal.ts';
import { keyOf, keyToUrl, whereKeys } from '../metadata/keys.ts';
import { delegateOf } from '../resources/delegate.ts';
import type { Client, Resource, ResourceField, Where } from '../resources/contract.ts';
import type { RelatedRecord } from './related.ts';
import { buildWhere } from './where.ts';

/** Records that lead to one record, or are linked with it: the first of them, and how many there are up to a limit. */
export interface RelatedList {
  field: ResourceField;
  resource: Resource;
  /** The other end of the relation, by which the related resource's list is filtered. */
  opposite: ResourceField;
  records: RelatedRecord[];
  count: number;
  isMore: boolean;
}

const mostListed = 6;
const mostCounted = 1_000;

/** One list for each relation to many whose other side the principal may see. At most two statements for each. */
export async function relatedLists(client: Client, resource: Resource, principal: Principal, key: string): Promise<RelatedList[]> {
  const lists = resource.fields.map((field) => relatedList(client, resource, principal, key, field));
  return (await Promise.all(lists)).filter((list) => list !== null);
}

async function relatedList(
  client: Client,
  resource: Resource,
  principal: Principal,
  key: string,
  field: ResourceField,
): Promise<RelatedList | null> {
  const { relation } = field.meta;
  // A foreign key of one column is a value of the record itself; one of several is not.
  const related = relation && relation.fromFields.length !== 1 ? resource.related(relation.model) : null;
  const opposite = related?.fields.find(({ name }) => name === relation?.opposite);
  if (!relation || !related || !opposite) return null;
  const { model, titleField } = related;
  const here: Where = whereKeys(resource.model, [key]);
  const where: Where = {
    AND: [buildWhere(related, principal, ''), { [opposite.name]: related.model.fields[opposite.name]?.isList ? { some: here } : here }],
  };
  const delegate = delegateOf(client, model);
  const rows = await delegate.findMany({
    where,
    select: Object.fromEntries([...model.idFields, titleField].filter((name) => name !== '').map((name) => [name, true])),
    orderBy: model.idFields.map((name) => ({ [name]: 'asc' })),
    take: mostListed + 1,
  });
  const counted = rows.length > mostListed ? await delegate.count({ where, take: mostCounted + 1 }) : rows.length;
  const records = rows.slice(0, mostListed).map((row) => {
    const id = model.idFields.length === 0 ? '' : keyToUrl(model, keyOf(model, row));
    return { id, title: String(row[titleField] ?? '') || id };
  });
  return { field, resource: related, opposite, records, count: Math.min(counted, mostCounted), isMore: counted > mostCounted };
}
