import type { ResourceField } from '../../fields/resource-field.ts';
import { getFieldKind } from '../../fields/register.ts';
import type { FieldMeta } from '../../metadata/contract.ts';
import type { Resource } from '../../resources/contract.ts';
import type { Change, FieldText } from './contract.ts';
import { decimalOf } from './decimal.ts';
import { cast, type Family, familyOf, isMany } from './field-family.ts';
import { fitFloat, fitNumber } from './number-room.ts';

/** The value of another field of the same record, as it was before the change. */
export const copy: Change<string> = {
  name: 'copy',
  isConstant: false,
  canOverflow: true,
  fits: (field, resource) => sourcesOf(field, resource).length > 0,
  inputs: (field, resource) => [{ name: 'from', control: 'field-name', choices: sourcesOf(field, resource).map(({ name }) => name) }],
  parse(given, field, resource) {
    const wanted = given('from').at(-1) ?? '';
    if (wanted === '') return { error: `Choose a field to copy into ${field.label}, or untick it.` };
    const source = sourcesOf(field, resource).find(({ name }) => name === wanted);
    return source ? { value: source.meta.name } : { error: `“${wanted}” cannot be copied into ${field.label}.` };
  },
  sql: (value, { field, columnOf }) => cast(columnOf(value), field),
  twin: (_current, value, { field, other }) => fitCopy(other(value), field),
  describe: (value, _field, resource) => `copied from ${resource.fields.find(({ meta }) => meta.name === value)?.label ?? value}`,
};

/** Fields the person sees whose values are of the same nature. */
function sourcesOf(field: ResourceField, resource: Resource): ResourceField[] {
  if (isMany(field) || getFieldKind(field).input === 'none') return [];
  return resource.fields.filter((source) => source.meta.name !== field.meta.name && source.meta.column !== null && canCopy(source, field));
}

const numbers: readonly (Family | null)[] = ['integer', 'decimal', 'float'];

function canCopy(from: ResourceField, to: ResourceField): boolean {
  if (from.meta.isList || from.relation?.model !== to.relation?.model) return false;
  if (from.meta.type === to.meta.type && from.meta.sqlType === to.meta.sqlType) return true;
  const [source, target] = [familyOf(from.meta), familyOf(to.meta)];
  return source !== null && (source === target || (numbers.includes(source) && numbers.includes(target)));
}

function fitCopy(value: FieldText, field: FieldMeta): FieldText {
  const family = familyOf(field);
  if (value === null || !numbers.includes(family)) return value;
  return family === 'float' ? fitFloat(Number(value), field) : fitNumber(decimalOf(String(value)), field);
}
