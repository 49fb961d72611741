import { getFieldKind } from '../fields/field-kinds.ts';
import { inWords } from '../fields/in-words.ts';
import type { Reader } from '../fields/reader.ts';
import { comparedField } from '../fields/scalar-list.ts';
import { type Condition, type Group, isGroup, isOwnPath, searchPath, taskPaths } from './filter.ts';
import type { FilterField, FilterOperator } from './filter-fields.ts';
import { findOperator } from './filter-fields.ts';

/** What a filter is told with. */
export interface FilterWords {
  fieldOf: (path: string) => FilterField | null;
  /** Names a related record by its natural id, where it is known. */
  titleOf: (path: string, id: string) => string | undefined;
  reader: Reader;
}

/** A condition or a group in words: `Status is draft or Featured is Yes`. */
export function describeItem(item: Group | Condition, words: FilterWords): string {
  if (!isGroup(item)) return describeCondition(item, words);
  return item.items
    .map((inner) =>
      isGroup(inner) && inner.items.length > 1
        ? `(${describeItem(inner, words)})`
        : describeItem(inner, words),
    )
    .join(item.kind === 'and' ? ' and ' : ' or ');
}

/** A condition in words: `Population between 1,000 and 5,000`. */
function describeCondition(condition: Condition, words: FilterWords): string {
  if (condition.path === searchPath)
    return `Search: ${condition.values.map(textInWords).join(', ')}`;
  if (isOwnPath(condition.path)) return recordsInWords(condition);
  const field = words.fieldOf(condition.path);
  const label = field?.label ?? condition.path;
  const operator = field ? findOperator(field, condition) : null;
  if (!field || !operator) return `${label} ${condition.operator} ${condition.values.join(', ')}`;
  if (operator.input === 'none') return `${label} ${operator.label}`;
  if (operator.input === 'span')
    return `${label} ${operator.label} ${spanInWords(condition.values[0] ?? '')}`;
  const values = condition.values.map((value) => valueInWords(field, operator, value, words));
  const listed = operator.input === 'range' ? values.join(' and ') : list.format(values);
  return `${label} ${severalLabel(operator.name, operator.label, values.length)} ${listed}`;
}

function recordsInWords({ path, values: [value = ''] }: Condition): string {
  const [id, ...code] = value.split(':');
  if (path === taskPaths.changed) return `Changed by task ${id}`;
  return `Failed in task ${id}${code.length > 0 ? ', for one reason' : ''}`;
}

const list = new Intl.ListFormat('en', { type: 'disjunction' });

function severalLabel(name: string, label: string, count: number): string {
  return name === 'not' && count > 1 ? 'is none of' : label;
}

const units: Readonly<Record<string, string>> = { h: 'hour', d: 'day', w: 'week' };

function spanInWords(value: string): string {
  const [, digits, unit] = /^(\d+)([hdw])$/.exec(value.trim()) ?? [];
  if (!digits || !unit) return value;
  return new Intl.NumberFormat('en', {
    style: 'unit',
    unit: units[unit] as string,
    unitDisplay: 'long',
  }).format(Number(digits));
}

// What is not understood stands as it was given.
function valueInWords(
  { field, path }: FilterField,
  operator: FilterOperator,
  value: string,
  { titleOf, reader }: FilterWords,
): string {
  if (field.relation || field.meta.relation) return titleOf(path, value) ?? value;
  const compared = comparedField(field);
  const kind = getFieldKind(compared);
  const inText = kind.isSearchable ? textInWords : (text: string) => text;
  const own = compared.format === null ? operator.words?.(value, compared, reader) : null;
  if (own) return inText(own);
  const parsed = kind.parse(value, compared, reader);
  return inText('error' in parsed ? value : inWords(parsed.value, compared, reader) || value);
}

/**
 * A text that would not be seen for what it is, beside words or between commas, stands in quotation
 * marks.
 */
function textInWords(text: string): string {
  if (!/^\s|\s$|\s{2}|[,“”"\r\n\t]|\b(?:or|and)\b/.test(text)) return text;
  return `“${text.replace(/\r\n|\r|\n/g, '⏎').replace(/ {2,}/g, (blanks) => '\u00a0'.repeat(blanks.length))}”`;
}
