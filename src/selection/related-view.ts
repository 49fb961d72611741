import type { Principal } from '../auth/principal.ts';
import type { ModelMeta } from '../metadata/contract.ts';
import type { Where } from '../resources/client.ts';
import type { Resource, ResourceRegistry } from '../resources/contract.ts';
import { buildWhere } from './where.ts';

/** What a principal sees of the records that a relation leads to. */
export interface RelatedView {
  model: ModelMeta;
  titleField: string;
  /** Null: the model has no pages. */
  resource: Resource | null;
  /** Null: every record. */
  where: Where | null;
}

/** Null: nothing of the related records may be seen, not even a title. */
export function relatedView(
  registry: ResourceRegistry,
  resource: Resource,
  principal: Principal,
  modelName: string,
): RelatedView | null {
  const related = resource.related(modelName);
  const model = resource.metadata.models[modelName];
  const isHidden =
    !related && registry.list.some((candidate) => candidate.model.name === modelName);
  if (!model || isHidden) return null;
  const where = related?.scope(principal) ? buildWhere(related, principal, '') : null;
  return {
    model,
    titleField: related?.titleField ?? registry.titleFieldOf(modelName),
    resource: related,
    where,
  };
}
