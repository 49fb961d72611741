import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AdminDefinition } from '../../admin-definition.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { testApp } from '../../testing/app.ts';
import { ada } from '../../testing/context.ts';
import { tortureAdmin } from '../../testing/torture.ts';

const models = ['Everything', 'ScalarList', 'Required'];

/** The torture schema with every column in the lists of these models. */
function withEveryColumn(): AdminDefinition {
  const resources = tortureAdmin.resources.map((definition) => {
    const { model, metadata } = definition;
    if (!models.includes(model)) return definition;
    const columns = Object.values(metadata.models[model]?.fields ?? {}).filter(
      ({ column, kind }) => column && kind !== 'unsupported',
    );
    return {
      ...definition,
      options: { ...definition.options, columns: columns.map(({ name }) => name) },
    };
  });
  return { ...tortureAdmin, resources };
}

const textOf = (html: string) =>
  html
    .replace(/<[^>]+>/g, ' ')
    .replace(/\s+/g, ' ')
    .replace('— empty', '—')
    .trim();

const cellsOf = (html: string, pattern: RegExp) =>
  new Map(
    [...html.matchAll(pattern)].map(([, label = '', cell = '']) => [textOf(label), textOf(cell)]),
  );

test('values of every kind are shown in a list as on the page of their record', async (t) => {
  const { signIn, context } = await testApp(t, { admin: withEveryColumn(), content: 'torture' });
  const visitor = await signIn('admin');
  const wrong: string[] = [];
  for (const model of models) {
    const { slug } = context.registry.list.find((resource) => resource.model.name === model) ?? {
      slug: '',
    };
    const { fields } = context.registry.for(ada, slug);
    const { rows } = await context.db.pages.query<{ id: number }>(
      `select id from ${context.registry.get(slug).model.table} order by id`,
    );
    for (const { id } of rows) {
      const list = await visitor.get(`/${slug}?id=${id}`);
      const show = await visitor.get(`/${slug}/${id}`);
      if (list.statusCode !== 200 || show.statusCode !== 200)
        wrong.push(`${slug} ${id}: ${list.statusCode} ${show.statusCode}`);
      const cells = cellsOf(list.body, /<td[^>]*data-label="([^"]*)"[^>]*>([\s\S]*?)<\/td>/g);
      const shown = cellsOf(show.body, /<dt[^>]*>([\s\S]*?)<\/dt>\s*<dd[^>]*>([\s\S]*?)<\/dd>/g);
      for (const field of fields.filter(({ meta }) => meta.column)) {
        // A page has room for JSON in lines.
        const words = (cell: string | undefined) =>
          field.meta.type === 'Json' ? cell?.replaceAll(' ', '') : cell;
        const [inList, onPage] = [words(cells.get(field.label)), words(shown.get(field.label))];
        // A cell shows the beginning of what is long.
        const isCut = inList?.endsWith('…') && onPage?.startsWith(inList.slice(0, -1).trim());
        if (inList !== onPage && !isCut)
          wrong.push(
            `${slug} ${id} ${field.name} (${getFieldKind(field).name}): ${inList} in the list, ${onPage} on its page`,
          );
      }
    }
  }
  assert.deepEqual(wrong, []);
});
