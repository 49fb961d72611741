import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Eta } from 'eta';

/** What is wrong with a kind's own templates, by the member that names each; empty: nothing. */
export function kindViewProblems(
  kind: Readonly<Record<string, unknown>>,
): { member: 'control' | 'cell'; problem: string }[] {
  return (['control', 'cell'] as const).flatMap((member) => {
    const problem = kind[member] === undefined ? null : problemOf(kind[member]);
    return problem === null ? [] : [{ member, problem }];
  });
}

function problemOf(given: unknown): string | null {
  const { view, data } = (given ?? {}) as { view?: unknown; data?: unknown };
  if (!(view instanceof URL) || view.protocol !== 'file:')
    return "must be { view: new URL('./money.eta', import.meta.url), data }.";
  if (data !== undefined && typeof data !== 'function')
    return 'must have a function for its `data`, or none.';
  const path = fileURLToPath(view);
  try {
    new Eta().compile(readFileSync(path, 'utf8'));
    return null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return `there is no template ${path}.`;
    return `the template ${path} cannot be read: ${message.split('\n')[0]}.`;
  }
}
