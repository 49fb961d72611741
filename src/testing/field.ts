import type { ResourceField } from '../fields/contract.ts';
import type { FieldMeta } from '../metadata/contract.ts';

/** A field of a kind, without a model around it. */
export function testField(
  type: string,
  sqlType: string,
  meta: Partial<FieldMeta> = {},
): ResourceField {
  const isEnum = type === 'Mood';
  const moods = isEnum ? [mood('calm', 'is-calm'), mood('wild', 'WILD!')] : null;
  return {
    name: 'value',
    label: 'Value',
    relation: meta.relation ?? null,
    enum: moods && { name: 'Mood', sqlType: 'mood', values: moods },
    kind: null,
    help: null,
    isSecret: false,
    isReadOnly: false,
    align: null,
    format: null,
    link: null,
    meta: {
      name: 'value',
      kind: isEnum ? 'enum' : 'scalar',
      type,
      column: '"value"',
      dbColumn: 'value',
      sqlType,
      isRequired: false,
      isList: false,
      isId: false,
      isUnique: false,
      isUpdatedAt: false,
      hasDefault: false,
      default: null,
      foreignKeyOf: null,
      relation: null,
      documentation: null,
      enumValues: moods,
      isGenerated: false,
      ...meta,
    },
  };
}

function mood(name: string, dbName: string) {
  return { name, dbName };
}
