import { controlName } from '../../operations/own/form-values.ts';
import type { TaskDefinition } from '../../task-definitions/define-task.ts';

/**
 * Names by which a button's form sends what is secret, and which no page gives back as typed: those
 * of its places' controls. Where code makes the parameters, any control may be in them.
 */
export function secretControls({ options: { secret = [], launchable } }: TaskDefinition): string[] {
  const first = new Set(secret.map((place) => place.split('.')[0]));
  const isSecret = (name: string) => first.has(name) || launchable?.params !== undefined;
  const names = first.size === 0 ? [] : Object.keys(launchable?.form ?? {}).filter(isSecret);
  return names.map((name) => controlName({ name }));
}
