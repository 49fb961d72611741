import { foldedPattern } from '../fields/folded.ts';
import { escapePattern } from '../fields/operators/text.ts';
import { scalarKind } from '../fields/scalar-kind.ts';
import { parseKey, whereKeys } from '../metadata/keys.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import type { Resource, ResourceField, Where } from '../resources/contract.ts';
import { limits } from '../limits.ts';

/**
 * Records in which each word is found: somewhere in the fields of `search`, whatever its case and accents, or as the whole of an id,
 * a unique value, or what a relation leads to. A text that is an id of several parts is found as that.
 */
export function searchWhere(resource: Resource, text: string): Where {
  const given = text.trim().split(/\s+/);
  const words =
    given.length > limits.list.searchWords
      ? [...given.slice(0, limits.list.searchWords - 1), given.slice(limits.list.searchWords - 1).join(' ')]
      : given;
  const each = words.map((word) => anyOf([...containing(resource, word), ...equalling(resource, word)]));
  const found: Where = each.length === 1 ? (each[0] as Where) : { AND: each };
  const key = words.length > 1 || resource.model.idFields.length > 1 ? keyOrNull(resource.model, text.trim()) : null;
  return key === null ? found : anyOf([found, whereKeys(resource.model, [key])]);
}

/** Is there anything that a search could find? */
export function canSearch(resource: Resource): boolean {
  return resource.search.length > 0 || exactFields(resource).length > 0;
}

export function keyOrNull(model: ModelMeta, text: string): string | null {
  try {
    return parseKey(model, text);
  } catch {
    return null;
  }
}

function anyOf(wheres: Where[]): Where {
  return wheres.length === 1 ? (wheres[0] as Where) : { OR: wheres };
}

function containing({ search }: Resource, word: string): Where[] {
  const patterns = [escapePattern(word), foldedPattern(word)].filter((pattern) => pattern !== null);
  return search.flatMap(({ meta }) => patterns.map((pattern) => ({ [meta.name]: { contains: pattern, mode: 'insensitive' } })));
}

/** Equality finds by an index, in the letters that were typed and in all capital and all small ones. */
function equalling(resource: Resource, word: string): Where[] {
  return exactFields(resource).flatMap(({ meta, ...field }) => {
    const variants = meta.type === 'String' ? [...new Set([word, word.toUpperCase(), word.toLowerCase()])] : [word];
    const values = variants.flatMap((one) => {
      const parsed = scalarKind(meta).parse(one, { ...field, meta });
      return 'error' in parsed || parsed.value === null ? [] : [parsed.value];
    });
    const once = [...new Set(values)];
    return once.length === 0 ? [] : [{ [meta.name]: once.length === 1 ? once[0] : { in: once } }];
  });
}

const exactTypes = ['String', 'Int', 'BigInt'];

/** Ids and other unique values that may be seen, and foreign keys; those of `search` are found by a part of them. */
function exactFields({ model, fields, search }: Resource): ResourceField[] {
  return fields.filter(({ meta, relation, isSecret }) => {
    const isId = model.idFields.length === 1 && model.idFields[0] === meta.name;
    const isOne = isId || meta.isUnique || relation?.kind === 'to-one';
    if (!isOne || !meta.column || meta.isList || meta.kind !== 'scalar' || !exactTypes.includes(meta.type) || isSecret) return false;
    return isId || !search.some((field) => field.meta.name === meta.name);
  });
}
