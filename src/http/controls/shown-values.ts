import type { Principal } from '../../auth/principal.ts';
import { shownText } from '../../fields/stored-text.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../../resources/contract.ts';
import { hasResource, relatedTitles, relationTarget } from '../../selection/related.ts';
import { inputTexts } from './input-texts.ts';

/**
 * Makes of a text of PostgreSQL's what people read. One statement for a relation, for all its
 * records at once.
 */
export async function shownValues(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  field: ResourceField,
  texts: readonly string[],
): Promise<(text: string | null) => string> {
  const isLinks = field.relation?.kind === 'many-to-many';
  if (field.relation) {
    const ids = isLinks ? texts.flatMap(listOf) : texts;
    const target = relationTarget(resource, field);
    const titles = target
      ? await relatedTitles(registry, target, principal, [...new Set(ids)])
      : new Map<string, string>();
    const titleOf = (id: string) =>
      titles.get(id) ?? (hasResource(registry, field) && !target ? inputTexts.nothing : id);
    return (text) =>
      text === null ? '' : isLinks ? listOf(text).map(titleOf).join(', ') : titleOf(text);
  }
  return (text) => (text === null ? '' : shownText(text, field, resource.reader));
}

function listOf(text: string): string[] {
  return (JSON.parse(text) as unknown[]).map((item) =>
    typeof item === 'string' ? item : JSON.stringify(item),
  );
}
