import { withoutId } from '../../resources/guesses.ts';
import { freeName } from './plain-names.ts';
import { type PulledBlock, type PulledField, typeName } from './pulled-text.ts';

/**
 * Renames the relations that introspection has called after their foreign keys
 * (`user_order_placed_byTouser`): by the column that leads there (`placed_by` without its `_id`),
 * and by who comes from there (`order_by_placed_by`). Nothing in the database hangs on them.
 */
export function nameRelations(models: readonly PulledBlock[]): void {
  const byName = new Map(models.map((model) => [model.name, model]));
  const isRelation = (field: PulledField) => byName.has(typeName(field));
  const taken = new Map(
    models.map(({ name, fields }) => [
      name,
      new Set(fields.filter((field) => !isRelation(field)).map((field) => field.name)),
    ]),
  );
  const give = (model: PulledBlock, field: PulledField, wanted: readonly string[]) => {
    const names = taken.get(model.name) as Set<string>;
    field.name =
      wanted.find((name) => name !== '' && !names.has(name)) ??
      freeName(wanted.at(-1) ?? '', names);
    names.add(field.name);
  };
  for (const model of models)
    for (const field of model.fields.filter((one) => isRelation(one) && keyOf(one).length > 0)) {
      const key = keyOf(field);
      const [only = ''] = key.length === 1 ? key : [];
      give(model, field, [
        withoutId(only) === only ? '' : withoutId(only),
        typeName(field),
        `${typeName(field)}_by_${key.join('_')}`,
      ]);
    }
  for (const model of models)
    for (const field of model.fields.filter((one) => isRelation(one) && keyOf(one).length === 0)) {
      const from = byName.get(typeName(field)) as PulledBlock;
      const back = from.fields.find(
        (one) =>
          typeName(one) === model.name && keyOf(one).length > 0 && nameOf(one) === nameOf(field),
      );
      const isAlone =
        from !== model &&
        model.fields.filter((one) => typeName(one) === from.name && keyOf(one).length === 0)
          .length === 1;
      give(model, field, [
        ...(isAlone ? [from.name] : []),
        `${from.name}_by_${back?.name ?? (nameOf(field) || field.name)}`,
      ]);
    }
}

/** Fields that hold a relation's foreign key; none at its other end. */
function keyOf({ rest }: PulledField): string[] {
  const list = /\bfields:\s*\[([^\]]*)\]/.exec(rest)?.[1] ?? '';
  return list
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean);
}

function nameOf({ rest }: PulledField): string {
  return /@relation\(\s*(?:name:\s*)?"([^"]*)"/.exec(rest)?.[1] ?? '';
}
