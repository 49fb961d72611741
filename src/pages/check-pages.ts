import { existsSync } from 'node:fs';
import { isIcon } from '../icon-names.ts';
import { unknownOptions } from '../nearest.ts';
import { projectFile } from '../project-files.ts';
import { reservedSlugs } from '../resources/registry.ts';
import { isPageDefinition, type PageDefinition, type PageOptions } from './define-page.ts';

type Kinds = { readonly [N in keyof Required<PageOptions>]: (given: unknown) => string | null };

const isText = (given: unknown) => typeof given === 'string' && given.trim() !== '';
const text = (given: unknown) => (isText(given) ? null : 'must be a text.');
const optional = (check: (given: unknown) => string | null) => (given: unknown) =>
  given === undefined ? null : check(given);
const called = optional((given) => (typeof given === 'function' ? null : 'must be a function.'));

const checks: Kinds = {
  path: (given) =>
    typeof given === 'string' && /^(\/(:[a-zA-Z]\w*|[a-z0-9][a-z0-9-]*))+$/.test(given)
      ? null
      : 'must be like /reports or /reports/:month: small letters, digits and hyphens.',
  label: text,
  icon: optional((given) =>
    typeof given === 'string' && isIcon(given) ? null : `lucide has no icon "${String(given)}".`,
  ),
  group: optional(text),
  hidden: optional((given) => (typeof given === 'boolean' ? null : 'must be true or false.')),
  allowed: called,
  view: (given) =>
    isText(given) || given instanceof URL
      ? null
      : "must be the name of a template, or new URL('./report.eta', import.meta.url).",
  load: called,
  submit: called,
};

interface Surroundings {
  /** Of the file that the admin stands in. */
  definition: string | undefined;
  /** The template of this name in the project's folder; null: it has none. */
  findView(name: string): string | null;
  /** Every resource, by its slug. */
  resources: ReadonlyMap<string, string>;
}

/** What is wrong with the pages of an admin, a sentence each. */
export function pageProblems(
  pages: readonly PageDefinition[],
  { definition, findView, resources }: Surroundings,
): string[] {
  if (!Array.isArray(pages)) return ['Admin, pages: must be a list.'];
  const problems: string[] = [];
  const taken = new Map<string, string>();
  for (const [index, page] of pages.entries()) {
    if (!isPageDefinition(page)) {
      problems.push(`Admin, pages, no. ${index + 1}: is not made by definePage.`);
      continue;
    }
    const { options } = page;
    const add = (problem: string) => problems.push(`Page ${nameOf(page, index)}, ${problem}`);
    for (const unknown of unknownOptions(options, Object.keys(checks))) add(unknown);
    const wrong = Object.entries(checks).flatMap(([name, check]) => {
      const problem = check(options[name as keyof PageOptions]);
      return problem === null ? [] : [[name, problem] as const];
    });
    for (const [name, problem] of wrong) add(`${name}: ${problem}`);
    const isWrong = (name: string) => wrong.some(([one]) => one === name);
    if (!isWrong('path')) {
      const problem = takenPath(options.path, resources, taken);
      if (problem) add(`path: ${problem}`);
      else taken.set(shapeOf(options.path), options.path);
    }
    if (!isWrong('view')) {
      const problem = viewProblem(options.view, findView, definition);
      if (problem) add(`view: ${problem}`);
    }
  }
  return problems;
}

function nameOf({ options: { path } }: PageDefinition, index: number): string {
  return typeof path === 'string' ? path : `no. ${index + 1}`;
}

/** Paths that lead to the same page, whatever their parts are called. */
function shapeOf(path: string): string {
  return path.replaceAll(/:\w+/g, ':');
}

function takenPath(
  path: string,
  resources: ReadonlyMap<string, string>,
  taken: ReadonlyMap<string, string>,
): string | null {
  const [, first = ''] = path.split('/');
  if (first.startsWith(':'))
    return `its first part must be a word, as in /reports${path}: all else is the data's.`;
  if (reservedSlugs.includes(first)) return `/${first} is taken by Bulkhead itself.`;
  const model = resources.get(first);
  if (model !== undefined)
    return `/${first} is taken by the resource of ${model}: give one of them another.`;
  const other = taken.get(shapeOf(path));
  return other === undefined ? null : `${other} leads to another page already.`;
}

function viewProblem(
  view: string | URL,
  findView: Surroundings['findView'],
  definition: string | undefined,
): string | null {
  if (typeof view === 'string' && !view.startsWith('file:')) {
    if (findView(view) !== null) return null;
    return `there is no template ${view}.eta in the folder that \`views\` of the admin names.`;
  }
  const file = projectFile(view, definition);
  if (file === null) return 'must be the address of a file.';
  return existsSync(file) ? null : `there is no template ${file}.`;
}
