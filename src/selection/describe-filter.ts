import { getFieldKind } from '../fields/register.ts';
import type { FilterField } from './filter-fields.ts';
import { findOperator } from './filter-fields.ts';
import { type Condition, type Group, isGroup, isOwnPath, searchPath, taskPaths } from './filter.ts';

/** A condition or a group in words: `Status is draft or Featured is Yes`. */
export function describeItem(
  item: Group | Condition,
  fieldOf: (path: string) => FilterField | null,
  titleOf: (path: string, id: string) => string | undefined,
): string {
  if (!isGroup(item)) return describeCondition(fieldOf(item.path), item, (id) => titleOf(item.path, id));
  return item.items
    .map((inner) =>
      isGroup(inner) && inner.items.length > 1 ? `(${describeItem(inner, fieldOf, titleOf)})` : describeItem(inner, fieldOf, titleOf),
    )
    .join(item.kind === 'and' ? ' and ' : ' or ');
}

/** A condition in words: `Population between 1,000 and 5,000`. `titleOf` names a related record by its natural id, where it is known. */
function describeCondition(field: FilterField | null, condition: Condition, titleOf?: (id: string) => string | undefined): string {
  if (condition.path === searchPath) return `Search: ${condition.values.join(', ')}`;
  if (isOwnPath(condition.path)) return recordsInWords(condition);
  const label = field?.label ?? condition.path;
  const operator = field ? findOperator(field, condition) : null;
  if (!field || !operator) return `${label} ${condition.operator} ${condition.values.join(', ')}`;
  if (operator.input === 'none') return `${label} ${operator.label}`;
  if (operator.input === 'span') return `${label} ${operator.label} ${spanInWords(condition.values[0] ?? '')}`;
  const values = condition.values.map((value) => valueInWords(field, value, titleOf));
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
  const [, digits, unit] = /^(\d+)([hdw])$/.exec(value) ?? [];
  if (!digits || !unit) return value;
  return new Intl.NumberFormat('en', { style: 'unit', unit: units[unit] as string, unitDisplay: 'long' }).format(Number(digits));
}

// Texts and moments stand as they were given; what has a form of its own for people is shown in it.
function valueInWords({ field }: FilterField, value: string, titleOf?: (id: string) => string | undefined): string {
  if (field.relation || field.meta.relation) return titleOf?.(value) ?? value;
  const kind = getFieldKind(field);
  if (kind.input === 'text' || kind.input === 'date-time') return value;
  const parsed = kind.parse(value, field);
  return 'error' in parsed ? value : kind.format(parsed.value, field).text || value;
}
