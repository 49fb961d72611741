import type { AdminDefinition } from './admin-definition.ts';
import { lookProblems, notPlaced } from './own-look.ts';
import { pageProblems } from './pages/check-pages.ts';
import { ofPlugins } from './plugin-origins.ts';
import { projectFile } from './project-files.ts';
import type { ResourceRegistry } from './resources/contract.ts';
import { DefinitionError } from './resources/problems.ts';
import { readViewFolder, viewFolderProblems } from './view-folder.ts';

type Extensions = Pick<AdminDefinition, 'pages' | 'views' | 'styles' | 'logo' | 'definition'>;

/** Where an admin's own templates are; null: it has none. */
export function viewFolderOf({ views, definition }: Extensions): string | null {
  return views === undefined ? null : projectFile(views, definition);
}

/**
 * Throws DefinitionError for pages, templates and files of an admin that cannot be used beside its
 * resources. It asks no database.
 */
export function checkExtensions(admin: Extensions, { list }: Pick<ResourceRegistry, 'list'>): void {
  const folder = viewFolderOf(admin);
  const views = readViewFolder(folder);
  const resources = new Map(list.map(({ slug, model }) => [slug, model.name]));
  const problems = [
    ...(admin.views !== undefined && folder === null
      ? [`Admin, views: ${notPlaced(admin.views)}`]
      : []),
    ...(folder !== null && views.size === 0
      ? [`Admin, views: there is no template in ${folder}.`]
      : []),
    ...viewFolderProblems(views, [...resources.keys()]),
    ...lookProblems(admin),
    ...pageProblems(admin.pages ?? [], {
      definition: admin.definition,
      findView: (name) => views.get(name) ?? null,
      resources,
    }),
  ];
  if (problems.length > 0) throw new DefinitionError(ofPlugins(admin, problems));
}
