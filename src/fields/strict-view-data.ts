import { didYouMean } from '../nearest.ts';
import { readStrictly } from '../read-strictly.ts';
import { isPlainObject } from './plain-value.ts';

/**
 * What a template of the project's own reads: a name that is not there, however deep, throws, where
 * the page would say `undefined`.
 */
export function strictViewData<T extends object>(given: T, path = 'it'): T {
  // A copy, since what is frozen cannot be read as something else.
  const read = readStrictly({ ...given }, (name) => {
    throw new Error(`there is no ${path}.${name}.${didYouMean(name, Object.keys(given))}`);
  });
  return new Proxy(read, {
    get(target, name, receiver) {
      const value: unknown = Reflect.get(target, name, receiver);
      return typeof name === 'string' ? strictly(value, `${path}.${name}`) : value;
    },
  });
}

function strictly(value: unknown, path: string): unknown {
  if (Array.isArray(value)) return value.map((one, index) => strictly(one, `${path}[${index}]`));
  return isPlainObject(value) ? strictViewData(value, path) : value;
}
