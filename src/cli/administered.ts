import type { Resource } from '../resources/contract.ts';
import type { TaskContext } from '../tasks/context.ts';
import { asOperator } from './as-operator.ts';
import { type Command, ofAdmin, say } from './command.ts';

export const administeredCommands: Readonly<Record<string, Command>> = {
  schema: {
    says: 'Says what is administered: resources with their tables, keys and fields, operations, tasks, schedules.',
    options: ofAdmin,
    gives: '`{ resources, tasks, schedules, channels }`',
    run: (typed, config) =>
      asOperator(typed, config, async (context) => {
        const all = administered(context);
        for (const { slug, table, key, fields, operations } of all.resources) {
          say(`${slug}  ${table}  key ${key.join(', ') || 'none'}`);
          for (const field of fields) say(`  ${fieldLine(field)}`);
          if (operations.length > 0) say(`  operations: ${operations.join(', ')}`);
        }
        for (const [kind, names] of Object.entries(all))
          if (kind !== 'resources') say(`${kind}: ${names.join(', ') || 'none'}`);
        return all;
      }),
  },
};

type Field = ReturnType<typeof fieldOf>;

function administered({ registry, definitions, schedules, channels }: TaskContext) {
  return {
    resources: registry.list.map(resourceOf),
    tasks: [...definitions.keys()],
    schedules: [...schedules.keys()],
    channels: channels.list.map(({ name }) => name),
  };
}

function resourceOf({ slug, label, model, fields, secrets, operations }: Resource) {
  return {
    slug,
    label,
    model: model.name,
    table: `${model.dbSchema}.${model.dbTable}`,
    key: model.idFields,
    fields: [
      ...fields.map((field) => fieldOf(field, false)),
      ...secrets.map((field) => fieldOf(field, true)),
    ],
    operations: operations.map(({ options }) => options.name),
  };
}

function fieldOf(field: Resource['fields'][number], isSecret: boolean) {
  const { name, label, meta, relation } = field;
  return {
    name,
    label,
    column: meta.dbColumn,
    type: meta.sqlType,
    isRequired: meta.isRequired,
    isSecret,
    to: relation?.model ?? null,
  };
}

function fieldLine({ name, type, isRequired, isSecret, to }: Field): string {
  const more = [isRequired && 'required', isSecret && 'secret', to && `to ${to}`];
  return [name, type ?? 'links', ...more.filter(Boolean)].join('  ');
}
