import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../../errors.ts';
import { type Condition, filterToText, parseFilterText } from '../../selection/filter.ts';
import { filterFieldsOf } from '../../selection/filter-fields.ts';
import { buildWhere } from '../../selection/where.ts';
import { testApp } from '../../testing/app.ts';
import { formOf } from '../../testing/html-form.ts';
import { tortureAdmin } from '../../testing/torture.ts';

/** Texts of which each kind of field takes some: days, moments with and without seconds and offsets, numbers, words. */
const candidates = [
  ['2026-01-01', '2026-02-01'],
  ['2026-01-01T10:30', '2026-02-01T10:30:15'],
  ['2026-10-25T02:30+01:00', '2026-10-25T02:30+02:00'],
  ['2026-01-01T10:30:00Z', '2026-02-01T10:30:00.123Z'],
  ['10:30', '11:30:15'],
  ['7d', '7d'],
  ['2w', '2w'],
  ['1', '2'],
  ['-1.50', '1e3'],
  ['true', 'false'],
  ['a, "b" & c', ' d=e '],
  ['7b1b2d0c-5b5e-4d8a-9d5e-0a4b2c3d4e5f', '7b1b2d0c-5b5e-4d8a-9d5e-0a4b2c3d4e60'],
  ['RED', 'GREEN'],
  ['{"a": 1}', '[1]'],
];

test('every operator of every field, with whatever values it takes, goes through the builder and comes out as it was', async (t) => {
  const { context, signIn } = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const visitor = await signIn('admin');
  const lost: string[] = [];
  let asked = 0;
  for (const listed of context.register.listFor(visitor.principal)) {
    const resource = context.register.for(visitor.principal, listed.slug);
    if (!['everything', 'city', 'everythings', 'ships', 'cabins', 'defaulteds'].includes(resource.slug) && asked > 400) continue;
    const seen = new Set<string>();
    for (const { path, field, operators } of filterFieldsOf(resource, visitor.principal)) {
      for (const operator of operators) {
        const kind = [
          field.meta.type,
          field.meta.sqlType,
          field.meta.isList,
          field.relation?.kind,
          path.includes('.'),
          operator.name,
          operator.value,
        ].join(' ');
        if (seen.has(kind)) continue;
        seen.add(kind);
        const enums = field.enum ? [field.enum.values.slice(0, 2).map(({ name }) => name)] : [];
        const given = operator.value === null ? [...enums, ...candidates] : [[operator.value]];
        for (const [first = '', second = ''] of given) {
          const values = operator.input === 'range' || operator.input === 'many' ? [first, second] : [first];
          const condition: Condition = { path, operator: operator.name, values };
          const text = filterToText({ kind: 'and', items: [condition] });
          try {
            if (filterToText(parseFilterText(text)) !== text) continue;
            buildWhere(resource, visitor.principal, text);
          } catch (error) {
            if (error instanceof AppError) continue;
            throw error;
          }
          asked++;
          const { body } = await visitor.get(`/${resource.slug}/filter?${text}`);
          const sent = new URLSearchParams({ _do: 'apply' });
          for (const [name, all] of Object.entries(formOf(body, 'filter-builder'))) for (const one of all) sent.append(name, one);
          const applied = await visitor.get(`/${resource.slug}/filter?${sent}`);
          const came = String(applied.headers.location ?? applied.statusCode);
          const query = new URLSearchParams(came.split('?')[1] ?? '');
          for (const name of [...query.keys()].filter((name) => name.startsWith('_'))) query.delete(name);
          if (filterToText(parseFilterText(query.toString())) !== text) lost.push(`${resource.slug}?${text} became ${came}`);
        }
      }
    }
    if (asked > 1_500) break;
  }
  assert.ok(asked > 100, `only ${asked} were asked`);
  assert.deepEqual(lost, []);
});
