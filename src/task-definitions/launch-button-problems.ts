import { getFieldKind } from '../fields/field-kinds.ts';
import { isIcon } from '../icon-names.ts';
import { didYouMean } from '../nearest.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../resources/contract.ts';
import { formInputProblems, isFormInput } from '../resources/form-inputs.ts';
import type { TaskDefinition } from './define-task.ts';
import type { LaunchButton } from './launch-button.ts';

type Resources = Pick<ResourceRegistry, 'list'>;

/** What is wrong with a task's button beyond the kinds of its options, each in a sentence. */
export function buttonProblems(
  { options: { launchable: button } }: TaskDefinition,
  resources: Resources | null,
): string[] {
  if (typeof button !== 'object' || button === null) return [];
  const reasons = [...placeProblems(button, resources), ...formProblems(button.form)];
  if (typeof button.icon === 'string' && !isIcon(button.icon))
    reasons.push(`icon: lucide has no icon "${button.icon}".`);
  return reasons.map((reason) => `launchable.${reason}`);
}

function placeProblems(button: LaunchButton, resources: Resources | null): string[] {
  const { on = 'tasks', resource: slug, set } = { resource: undefined, set: undefined, ...button };
  if (on === 'tasks')
    return slug === undefined && set === undefined
      ? []
      : ['resource and set are of a button on a record or a list: say which by on.'];
  const reasons: string[] = [];
  const known = resources?.list.map((one) => one.slug) ?? [];
  const resource = resources?.list.find((one) => one.slug === slug);
  if (typeof slug !== 'string') reasons.push('resource must be the slug of a resource.');
  else if (resources && !resource)
    reasons.push(`resource: there is no resource "${slug}".${didYouMean(slug, known)}`);
  if (on === 'record' && !button.params)
    reasons.push('params is needed: it says what to launch for a record.');
  if (set && on !== 'record') reasons.push('set is of a button on a record.');
  else if (set && resource) reasons.push(...valuesToSet(resource, set).problems);
  return reasons;
}

function formProblems(form: unknown): string[] {
  if (typeof form !== 'object' || form === null) return [];
  return Object.entries(form).flatMap(([name, input]) => {
    const place = `form.${name}`;
    if (!/^\w{1,100}$/.test(name) || name in {})
      return [`${place} must be a name of letters, digits and underscores.`];
    if (!isFormInput(input)) return [`${place} must be made by t.`];
    return formInputProblems(input).map(
      ({ key, reason }) => `${[place, key].filter((part) => part !== '').join('.')} ${reason}`,
    );
  });
}

/** What `set` gives to a record, by field; and what of it no record can be given. */
export function valuesToSet(
  { model, fields, reader }: Resource,
  set: Readonly<Record<string, unknown>>,
): { values: Map<ResourceField, unknown>; problems: string[] } {
  const values = new Map<ResourceField, unknown>();
  const problems: string[] = [];
  for (const [name, value] of Object.entries(set)) {
    const field = fields.find(({ meta }) => meta.name === name && meta.column && !meta.isId);
    if (!field) {
      const known = fields.filter(({ meta }) => meta.column).map(({ meta }) => meta.name);
      problems.push(`set: ${model.name} has no field "${name}".${didYouMean(name, known)}`);
      continue;
    }
    const kind = getFieldKind(field);
    const parsed =
      value === null && !field.meta.isRequired
        ? { value }
        : kind.parse(kind.toForm(value, field, reader), field, reader);
    if ('error' in parsed) problems.push(`set.${name}: ${parsed.error}`);
    else values.set(field, parsed.value);
  }
  return { values, problems };
}
