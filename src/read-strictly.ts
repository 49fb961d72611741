/** The language itself asks for these, of whatever it is given. */
const askedOfAll = ['then', 'toJSON'];

/** What code of the project's reads: a name that it has not is a mistake, and `onMissing` throws. */
export function readStrictly<T extends object>(given: T, onMissing: (name: string) => never): T {
  return new Proxy(given, {
    get(target, name, receiver) {
      if (typeof name === 'string' && !(name in target) && !askedOfAll.includes(name))
        onMissing(name);
      return Reflect.get(target, name, receiver);
    },
  });
}
