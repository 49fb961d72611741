import { isModuleNamespaceObject } from 'node:util/types';

/** Where code that was transformed finds what looks at its imports. */
const name = Symbol.for('bulkhead.named-imports');

interface Guards {
  /** What a module exports; asking for what it does not is an error, as it is to Node. */
  named(module: unknown, specifier: string): unknown;
  /** The same as `import * as` has it, where asking is allowed. */
  whole(module: unknown): unknown;
}

const wholes = new WeakMap<object, unknown>();

const guards: Guards = {
  named(module, specifier) {
    if ((typeof module !== 'object' && typeof module !== 'function') || module === null)
      return module;
    const guarded = new Proxy(module, {
      get(target, key) {
        if (typeof key !== 'string' || key === '__esModule' || key in target)
          return Reflect.get(target, key);
        const exported = exportOfCommonJs(target, key);
        if (!exported) throw new NotExported(specifier, key);
        return exported.value;
      },
    });
    wholes.set(guarded, module);
    return guarded;
  },
  whole: (module) => wholes.get(module as object) ?? module,
};

/** What is written for `require` exports one thing, which is its default, with its properties. */
function exportOfCommonJs(module: object, key: string): { value: unknown } | null {
  const isWrapped = isModuleNamespaceObject(module);
  if (!isWrapped && !('__esModule' in module)) return key === 'default' ? { value: module } : null;
  const isCommonJs = isWrapped && Object.keys(module).every((name) => commonJsNames.includes(name));
  const whole = isCommonJs ? (module as { default?: unknown }).default : null;
  if (typeof whole !== 'object' || whole === null || !(key in whole)) return null;
  return { value: (whole as Record<string, unknown>)[key] };
}

/** As Node wraps it, where it sees no names in its text. */
const commonJsNames = ['default', 'module.exports'];

Object.assign(globalThis, { [name]: guards });

/** A file imports by name what the other one does not export. */
export class NotExported extends Error {
  constructor(specifier: string, key: string) {
    super(
      key === 'default'
        ? `"${specifier}" has no default export`
        : `"${specifier}" exports nothing that is called ${key}`,
    );
    this.name = 'NotExported';
  }
}

const access = `globalThis[Symbol.for('bulkhead.named-imports')]`;

/**
 * Makes imports strict in code that was transformed to calls: there a name that is not exported
 * would be undefined without a word, as if a scope or a rule had not been written.
 *
 * @param source the text that the code was made from
 */
export function strictImports(code: string, source: string): string {
  const made = new Set<string>();
  const guarded = code.replace(
    /\b(var|let|const) (_\w+) = ((?:await jitiImport|require)\(("[^"]+")\))/g,
    (all, keyword, variable, call, specifier) => {
      // What somebody has written so is theirs.
      if (new RegExp(`\\b${variable}\\b`).test(source)) return all;
      made.add(variable);
      return `${keyword} ${variable} = ${access}.named(${call}, ${specifier})`;
    },
  );
  return guarded.replace(/\b(var \w+|exports\.\w+) = (_\w+);/g, (all, to, variable) =>
    made.has(variable) ? `${to} = ${access}.whole(${variable});` : all,
  );
}
