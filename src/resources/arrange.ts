import type { FieldGroup, ResourceField } from './contract.ts';
import type { Arrangement } from './options.ts';

/**
 * Fields in groups, in the order they were written in; those that stand alone make groups without a
 * heading.
 */
export function arrange(
  items: Arrangement<string>,
  pick: (names: readonly string[]) => ResourceField[],
): readonly FieldGroup[] {
  const groups: { label: string | null; help: string | null; names: string[] }[] = [];
  for (const item of items) {
    if (typeof item === 'object') {
      groups.push({ label: item.label, help: item.help ?? null, names: [...item.fields] });
      continue;
    }
    const last = groups.at(-1);
    if (last && last.label === null) last.names.push(item);
    else groups.push({ label: null, help: null, names: [item] });
  }
  const picked = pick(groups.flatMap(({ names }) => names));
  return Object.freeze(
    groups.map(({ label, help, names }) => {
      const isOf = ({ name, meta }: ResourceField) =>
        names.includes(name) || names.includes(meta.name);
      return Object.freeze({ label, help, fields: Object.freeze(picked.filter(isOf)) });
    }),
  );
}
