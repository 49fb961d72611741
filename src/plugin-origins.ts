import { DefinitionError } from './resources/problems.ts';

/** Which plugin gave an option its value, and which member of a list is whose. */
interface Origins {
  readonly options: ReadonlyMap<string, string>;
  readonly members: ReadonlyMap<unknown, string>;
}

/** A copy of a definition keeps it. */
const key = Symbol('bulkhead.plugins');

interface Named {
  readonly pages?: readonly { readonly options: { readonly path: string } }[];
  readonly resources?: readonly { readonly model: string }[];
  readonly tasks?: readonly { readonly name: string }[];
}

type Extended = Named & { readonly [key]?: Origins };

type PluginOf<D> = (definition: D) => D;

/**
 * The definition as its plugins make it, one after the other. Throws DefinitionError for a plugin
 * that is no function, that throws, or that gives no definition.
 */
export function withPlugins<D extends object>({
  plugins,
  ...plain
}: D & { readonly plugins?: readonly PluginOf<D>[] }): D {
  if (plugins === undefined) return plain as unknown as D;
  if (!Array.isArray(plugins)) throw new DefinitionError(['Admin, plugins: must be a list.']);
  const options = new Map<string, string>();
  const members = new Map<unknown, string>();
  let definition = plain as unknown as D;
  for (const [index, plugin] of plugins.entries()) {
    const name = nameOf(plugin, index);
    const made = applied(plugin, name, definition);
    for (const [option, value] of Object.entries(made)) {
      const before: unknown = definition[option as keyof D];
      if (value === before) continue;
      options.set(option, name);
      const known = Array.isArray(before) ? before : [];
      for (const one of Array.isArray(value) ? value : [])
        if (!known.includes(one)) members.set(one, name);
    }
    definition = made;
  }
  return Object.assign({ ...definition }, { [key]: { options, members } });
}

function applied<D extends object>(plugin: PluginOf<D>, name: string, definition: D): D {
  const problem = (text: string) => new DefinitionError([`Plugin ${name}: ${text}`]);
  if (typeof plugin !== 'function')
    throw problem('must be a function that is given a definition and returns one.');
  let made: unknown;
  try {
    made = plugin(Object.freeze({ ...definition }));
  } catch (error) {
    throw problem(`it fails: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof made !== 'object' || made === null || !('resources' in made))
    throw problem('it returns no definition: return { ...definition, … }.');
  if ((made as { plugins?: unknown }).plugins !== undefined)
    throw problem('it gives plugins, and they are not asked any more: call them yourself.');
  return made as D;
}

function nameOf(plugin: unknown, index: number): string {
  const { name } = (plugin ?? {}) as { name?: unknown };
  return typeof name === 'string' && name !== '' ? name : `no. ${index + 1}`;
}

/** The same problems; of what a plugin has given they name the plugin. */
export function ofPlugins(admin: Named, problems: readonly string[]): readonly string[] {
  const origins = (admin as Extended)[key];
  if (!origins) return problems;
  return problems.map((problem) => {
    const name = originOf(admin, origins, problem);
    return name === null ? problem : `${problem} (The plugin ${name} has given it.)`;
  });
}

/** A problem begins with what it is about. */
function originOf(
  { pages = [], resources = [], tasks = [] }: Named,
  { options, members }: Origins,
  problem: string,
): string | null {
  const [, kind, name] =
    /^(Admin|Page|Resource|Task)[:,]? (?:no\. )?([^\s,:]+)/.exec(problem) ?? [];
  const found =
    kind === 'Page'
      ? pages.find(({ options: { path } }) => path === name)
      : kind === 'Resource'
        ? resources.find(({ model }) => model === name)
        : kind === 'Task'
          ? tasks.find((task) => task.name === name)
          : null;
  return (found ? members.get(found) : options.get(name ?? '')) ?? null;
}
