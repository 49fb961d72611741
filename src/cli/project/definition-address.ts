import { fileURLToPath } from 'node:url';

/** The address of a definition that refines what a schema makes, with that schema. */
export function definitionOf(definition: string, schema: string): string {
  const address = new URL(definition);
  address.searchParams.set('schema', schema);
  return address.href;
}

export function partsOfDefinition(definition: string): { file: string; schema: string | null } {
  const address = new URL(definition);
  const schema = address.searchParams.get('schema');
  address.search = '';
  return { file: fileURLToPath(address), schema };
}
