/**
 * A record's own value: names come from requests and schemas, and every object has a `constructor`.
 */
export function ownProperty<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
