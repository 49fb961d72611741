import { AppError } from '../errors.ts';
import { asPlain, findUnplain, isPlainObject, type Unplain } from '../fields/plain-value.ts';
import type { FieldMeta, Metadata, ModelMeta } from '../metadata/contract.ts';
import { nearestOf } from '../nearest.ts';
import { ownProperty } from '../own-property.ts';
import type { Where } from './client.ts';
import type { WhereSql } from './where-sql.ts';

const everyRecord = 'which would mean every record';

/** Throws AppError 'invalid-selection' 422; the place that is to blame is `details.field`. */
export function invalidSelection(place: string, why: string): AppError {
  return new AppError('invalid-selection', 422, `${place} ${why}. Nothing was selected.`, {
    field: place,
  });
}

/**
 * A `where` that code gives, as the JSON that is kept of it. Names of fields are asked of the
 * metadata, and whatever Prisma would take for “every record” is refused, but for `{}` itself.
 * Throws AppError 'invalid-selection' 422 with the place: `where.country.code`.
 */
export function plainWhere(metadata: Metadata, model: ModelMeta, where: unknown): Where {
  const wrong =
    findUnplain(where, 'where', { isKept: true }) ??
    (isPlainObject(where) && Object.keys(where).length === 0
      ? null
      : findWrong(metadata, model, where, 'where'));
  if (wrong) throw invalidSelection(wrong.place, wrong.why);
  return asPlain(where) as Where;
}

/**
 * Asks Prisma whether it takes a `where`: of operators and types it knows more than the metadata.
 * Throws AppError 'invalid-selection' 422.
 */
export async function askPrisma(
  whereSql: WhereSql,
  model: ModelMeta,
  where: Where,
): ReturnType<WhereSql> {
  try {
    return await whereSql(model, where);
  } catch (error) {
    // The client may be the project's own, with a runtime of its own, so the class is known by name.
    if ((error as Error).name !== 'PrismaClientValidationError') throw error;
    const [last = ''] = (error as Error).message.trim().split('\n').reverse();
    throw invalidSelection('where', `is not what Prisma takes: ${last.trim().replace(/\.$/, '')}`);
  }
}

function findWrong(
  metadata: Metadata,
  model: ModelMeta,
  where: unknown,
  place: string,
): Unplain | null {
  if (!isPlainObject(where)) return { place, why: 'is no condition' };
  if (Object.keys(where).length === 0) return { place, why: `is empty, ${everyRecord}` };
  for (const [name, value] of Object.entries(where)) {
    const at = `${place}.${name}`;
    const isJoint = name === 'AND' || name === 'OR' || name === 'NOT';
    const wrong = isJoint
      ? inParts(metadata, model, name, value, at)
      : inField(metadata, model, name, value, at);
    if (wrong) return wrong;
  }
  return null;
}

function inParts(
  metadata: Metadata,
  model: ModelMeta,
  name: string,
  value: unknown,
  place: string,
): Unplain | null {
  if (!Array.isArray(value)) return findWrong(metadata, model, value, place);
  if (value.length === 0 && name !== 'OR') return { place, why: `is empty, ${everyRecord}` };
  return first(
    value.map((part, index) => [part, `${place}.${index}`] as const),
    ([part, at]) => findWrong(metadata, model, part, at),
  );
}

function inField(
  metadata: Metadata,
  model: ModelMeta,
  name: string,
  value: unknown,
  place: string,
): Unplain | null {
  const field = ownProperty(model.fields, name);
  if (!field) {
    const nearest = nearestOf(name, Object.keys(model.fields));
    return { place, why: `is no field of ${model.name}${nearest ? ` (is it ${nearest}?)` : ''}` };
  }
  if (!field.relation) return inScalar(field, value, place);
  const related = metadata.models[field.relation.model];
  if (!related || value === null) return null;
  const names = isPlainObject(value) ? Object.keys(value) : [];
  const isToOne = field.relation.kind === 'to-one';
  const ways = isToOne ? ['is', 'isNot'] : ['some', 'every', 'none'];
  const isByWay = names.length > 0 && names.every((way) => ways.includes(way));
  if (!isByWay && isToOne) return findWrong(metadata, related, value, place);
  if (!isByWay) return { place, why: 'leads to many records: say some, every or none of them' };
  return first(Object.entries(value as object), ([way, where]) => {
    const isAny = where === null || (isPlainObject(where) && Object.keys(where).length === 0);
    // `is: {}` says that there is one; of every record any condition without a word is met.
    if (isAny && way !== 'every') return null;
    return findWrong(metadata, related, where, `${place}.${way}`);
  });
}

function inScalar(field: FieldMeta, value: unknown, place: string): Unplain | null {
  if (!isPlainObject(value)) return null;
  // How it is compared, and no comparison.
  const compares = Object.keys(value).filter((name) => name !== 'mode' && name !== 'path');
  if (compares.length === 0) return { place, why: `compares with nothing, ${everyRecord}` };
  for (const name of ['notIn', 'hasEvery'])
    if (Array.isArray(value[name]) && value[name].length === 0)
      return { place: `${place}.${name}`, why: `is empty, ${everyRecord}` };
  // Of JSON it is a value.
  return field.type === 'Json' || !isPlainObject(value.not)
    ? null
    : inScalar(field, value.not, `${place}.not`);
}

function first<T>(items: readonly T[], find: (item: T) => Unplain | null): Unplain | null {
  for (const item of items) {
    const found = find(item);
    if (found) return found;
  }
  return null;
}
