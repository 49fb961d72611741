import type { ModelMeta } from '../metadata/contract.ts';
import { didYouMean } from '../nearest.ts';
import type { Column, ResourceField } from './contract.ts';
import type { ResourceDefinition } from './define-resource.ts';
import { type Guard, guardComputed } from './guard-own-code.ts';
import { guessColumns } from './guess-fields.ts';
import { labelOf } from './guesses.ts';
import type { Problems } from './problems.ts';
import { resourceFields } from './resource-fields.ts';

interface Parts {
  definition: ResourceDefinition;
  model: ModelMeta;
  fields: readonly ResourceField[];
  titleField: string;
  find(key: string, name: string): ResourceField | null;
  guard: Guard;
  problems: Problems;
}

/** The list's columns: of fields, of fields of related records, and computed ones. */
export function buildColumns(parts: Parts): readonly Column[] {
  const { definition, model, fields, titleField, find, guard, problems } = parts;
  const { computed = {}, columns } = definition.options;
  for (const [name, { needs }] of Object.entries(computed)) {
    if (model.fields[name]) problems.add(model.name, `computed.${name}`, 'a field has this name.');
    for (const wanted of needs ?? []) {
      if (!model.fields[wanted]?.column)
        problems.add(
          model.name,
          `computed.${name}.needs`,
          `${model.name} has no column "${wanted}".${didYouMean(wanted, Object.keys(model.fields))}`,
        );
    }
  }
  const names = columns ?? [
    ...guessColumns(fields, titleField),
    ...Object.keys(computed).filter((name) => !model.fields[name]),
  ];
  const repeated = names.filter((name, index) => names.indexOf(name) !== index);
  for (const name of repeated) problems.add(model.name, 'columns', `"${name}" is named twice.`);
  return Object.freeze([...new Set(names)].flatMap((name) => columnOf(name) ?? []));

  function columnOf(name: string): Column | null {
    const own = Object.hasOwn(computed, name) ? computed[name] : undefined;
    if (own) {
      const { needs, value, link, align } = own;
      const label = own.label ?? labelOf(name);
      return Object.freeze({
        name,
        label,
        field: null,
        through: null,
        computed: guardComputed(
          label,
          { needs, value, link: (record) => link?.(record) ?? null },
          guard,
        ),
        align: align ?? null,
      });
    }
    const [first = '', related] = name.split('.');
    const field = find('columns', first);
    if (!field) return null;
    if (related === undefined) {
      if (field.meta.kind === 'relation' && !field.relation) {
        problems.add(
          model.name,
          'columns',
          `"${name}" leads to many records, which are not shown in one place.`,
        );
        return null;
      }
      return Object.freeze({
        name: field.name,
        label: field.label,
        field,
        through: null,
        computed: null,
        align: field.align,
      });
    }
    const target =
      field.relation?.kind === 'to-one'
        ? definition.metadata.models[field.relation.model]
        : undefined;
    const found =
      target &&
      resourceFields(definition.metadata, target).find((candidate) => candidate.name === related);
    if (!target)
      problems.add(
        model.name,
        'columns',
        `"${first}" leads to no single record, so "${name}" cannot be shown.`,
      );
    else if (!found?.meta.column || found.relation)
      problems.add(
        model.name,
        'columns',
        `${target.name} has no column "${related}".${didYouMean(related, Object.keys(target.fields))}`,
      );
    else if (found.isSecret)
      problems.add(model.name, 'columns', `"${name}" is a secret, which is shown nowhere.`);
    if (!found?.meta.column || found.relation) return null;
    const label = `${field.label} ${found.label.charAt(0).toLowerCase()}${found.label.slice(1)}`;
    return Object.freeze({
      name,
      label,
      field: found,
      through: field,
      computed: null,
      align: null,
    });
  }
}
