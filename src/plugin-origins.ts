import { DefinitionError } from './resources/problems.ts';

/** Which plugin gave an option its value, and a member of a list: `Page /reports`. */
interface Origins {
  readonly options: ReadonlyMap<string, string>;
  readonly members: ReadonlyMap<string, string>;
}

/** A copy of a definition keeps it. */
const key = Symbol('bulkhead.plugins');

type Extended = { readonly [key]?: Origins };

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
  const members = new Map<string, string>();
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
        if (!known.includes(one)) members.set(titleOf(option, one), name);
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
export function ofPlugins(admin: object, problems: readonly string[]): readonly string[] {
  const origins = (admin as Extended)[key];
  if (!origins) return problems;
  return problems.map((problem) => {
    const name = problem.includes('(The plugin ') ? null : originOf(origins, problem);
    return name === null ? problem : `${problem} (The plugin ${name} has given it.)`;
  });
}

/** A problem begins with what it is about. */
function originOf({ options, members }: Origins, problem: string): string | null {
  const [, kind, name = ''] = /^(\w+)[:,]? ([^\s,:]+)/.exec(problem) ?? [];
  return (kind === 'Admin' ? options.get(name) : members.get(`${kind} ${name}`)) ?? null;
}

/** What a problem of a member of a list begins with. */
function titleOf(option: string, member: unknown): string {
  const given = (member ?? {}) as {
    options?: { path?: string };
    model?: string;
    name?: string;
  };
  if (option === 'pages') return `Page ${given.options?.path}`;
  if (option === 'resources') return `Resource ${given.model}`;
  if (option === 'tasks') return `Task ${given.name}`;
  if (option === 'schedules') return `Schedule ${given.name}`;
  return option;
}
