import { getFieldKind } from '../fields/field-kinds.ts';
import { foldedPattern } from '../fields/folded.ts';
import { escapePattern } from '../fields/operators/text.ts';
import { scalarKind } from '../fields/scalar-kind.ts';
import { limits } from '../limits.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import { idValues, parseKey, whereKeys } from '../metadata/keys.ts';
import type { Where } from '../resources/client.ts';
import type { Resource, ResourceField } from '../resources/contract.ts';

/**
 * Shorter texts may be looked for at the beginning only: no index finds so little in the middle.
 */
const minInsideLength = 3;

/**
 * How a picker searches: by the titles that it shows too, and by the beginning where the text is
 * short.
 */
export interface SearchWays {
  isPicker?: boolean;
}

/**
 * Records in which each word is found: somewhere in the fields of `search`, whatever its case and
 * accents, or as the whole of an id, a unique value, or what a relation leads to. A text that is an
 * id of several parts, or leads to one, is found as that.
 */
export function searchWhere(
  resource: Resource,
  text: string,
  { isPicker = false }: SearchWays = {},
): Where {
  const whole = text.trim();
  const given = whole.split(/\s+/);
  const max = limits.list.searchWords;
  const words =
    given.length > max ? [...given.slice(0, max - 1), given.slice(max - 1).join(' ')] : given;
  const looked = {
    names: namesOf(resource, isPicker),
    how: isPicker && whole.length < minInsideLength ? 'startsWith' : 'contains',
  } as const;
  const each = words.map((word) =>
    anyOf([...holding(looked, word), ...equalling(resource, word, looked.names)]),
  );
  const found: Where = each.length === 1 ? (each[0] as Where) : { AND: each };
  return anyOf([found, ...wholeKeys(resource, whole, isPicker || words.length > 1)]);
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

/** The fields in which a part is enough. */
function namesOf({ model, search, titleField }: Resource, isPicker: boolean): string[] {
  const title = isPicker ? model.fields[titleField] : undefined;
  const isText =
    title?.column && title.type === 'String' && !title.isList && scalarKind(title).isSearchable;
  return [...new Set([...search.map(({ meta }) => meta.name), ...(isText ? [title.name] : [])])];
}

interface Looked {
  names: readonly string[];
  how: 'contains' | 'startsWith';
}

function holding({ names, how }: Looked, word: string): Where[] {
  const patterns = [escapePattern(word), foldedPattern(word)].filter((pattern) => pattern !== null);
  return names.flatMap((name) =>
    patterns.map((pattern) => ({ [name]: { [how]: pattern, mode: 'insensitive' } })),
  );
}

/**
 * An id of several parts, the record's own or that of one that it leads to; also one of a single
 * part where no word can be it.
 */
function wholeKeys({ model, fields, metadata }: Resource, text: string, isAsked: boolean): Where[] {
  const own = isAsked || model.idFields.length > 1 ? keyOrNull(model, text) : null;
  const seen = new Set(fields.map(({ meta }) => meta.name));
  const related = Object.values(model.fields).flatMap(({ relation }): Where[] => {
    const { fromFields = [], toFields = [] } = relation ?? {};
    const other = metadata.models[relation?.model ?? ''];
    if (!other || fromFields.length < 2 || !fromFields.every((name) => seen.has(name))) return [];
    const key =
      toFields.length === other.idFields.length &&
      other.idFields.every((id) => toFields.includes(id))
        ? keyOrNull(other, text)
        : null;
    if (key === null) return [];
    const ids = idValues(other, key);
    return [{ AND: fromFields.map((name, index) => ({ [name]: ids[toFields[index] as string] })) }];
  });
  return [...(own === null ? [] : [whereKeys(model, [own])]), ...related];
}

/**
 * Equality finds by an index, in the letters that were typed and in all capital and all small ones.
 */
function equalling(resource: Resource, word: string, inside: readonly string[] = []): Where[] {
  return exactFields(resource)
    .filter(({ meta }) => meta.isId || !inside.includes(meta.name))
    .flatMap((field) => {
      const { meta } = field;
      // A foreign key is found by what it holds.
      const kind = field.relation ? scalarKind(meta) : getFieldKind(field);
      const variants =
        meta.type === 'String'
          ? [...new Set([word, word.toUpperCase(), word.toLowerCase()])]
          : [word];
      const values = variants.flatMap((one) => {
        const parsed = kind.parse(one, field, resource.reader);
        return 'error' in parsed || parsed.value === null ? [] : [parsed.value];
      });
      const once = [...new Set(values)];
      return once.length === 0 ? [] : [{ [meta.name]: once.length === 1 ? once[0] : { in: once } }];
    });
}

const exactTypes = ['String', 'Int', 'BigInt'];

/**
 * Ids and other unique values that may be seen, and foreign keys; those of `search` are found by a
 * part of them.
 */
function exactFields({ model, fields, search }: Resource): ResourceField[] {
  const keys = new Set(
    Object.values(model.fields).flatMap(({ relation }) =>
      relation?.kind === 'to-one' ? relation.fromFields : [],
    ),
  );
  return fields.filter(({ meta, relation }) => {
    const isId = model.idFields.length === 1 && model.idFields[0] === meta.name;
    const isOne = isId || meta.isUnique || relation?.kind === 'to-one' || keys.has(meta.name);
    if (
      !isOne ||
      !meta.column ||
      meta.isList ||
      meta.kind !== 'scalar' ||
      !exactTypes.includes(meta.type)
    )
      return false;
    return isId || !search.some((field) => field.meta.name === meta.name);
  });
}
