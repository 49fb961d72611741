import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DateTime } from 'luxon';
import { AppError } from '../../errors.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { comparedField } from '../../fields/scalar-list.ts';
import { timestampKind } from '../../fields/timestamp.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type { Resource } from '../../resources/contract.ts';
import {
  type Condition,
  filterToText,
  type Group,
  isGroup,
  parseFilterText,
} from '../../selection/filter.ts';
import {
  type FilterField,
  type FilterOperator,
  filterFieldsOf,
} from '../../selection/filter-fields.ts';
import { conditionsOf } from '../../selection/filter-titles.ts';
import { listRecords } from '../../selection/list.ts';
import { groupWhere } from '../../selection/where.ts';
import { type TestApp, testApp, type Visitor } from '../../testing/app.ts';
import { formOf, plain } from '../../testing/html-form.ts';
import { seededRandom } from '../../testing/random.ts';
import { tortureAdmin } from '../../testing/torture.ts';

const timeZone = 'Europe/Madrid';

/**
 * Texts of which every kind takes some. Each operator is tried with all that it takes, and with
 * values that are in the column.
 */
// biome-ignore format: read at a glance
const odd = [
  ' ', '  ', 'a,b', 'a, "b" & c', "it's", '“x”', '%', '_', '100%_\\', '\\', 'a..b', '..', 'é', 'e\u0301', '東京', '🙂', 'a\nb', 'a\r\nb', 'a\rb', '\na', 'a\n',
  '\t', 'x y   z', ' x ', 'x or y', 'yes', 'no', 'true', 'on', 'false', 'null', 'undefined', '<b>&amp;</b>', '=&?#+%20', '["a"]', '"a', '0', '-0', '1', '+1', '2',
  ' 7 ', '-1.50', '1.', '.5', '1e3', '5e-324', '1e308', '-9223372036854775808', '9223372036854775807', '9007199254740993', '0.000000000000000000000000000001',
  '12345678901234567890.123456789', '2026-01-31', ' 2026-02-01 ', '2026-01-31T10:30', '2026-01-31T10:30:00', '2026-01-31T10:30:15', '2026-01-31 10:30',
  '2026-01-31T10:30:15.120Z', '2026-01-31T10:30:00.000', '2026-01-31T10:30+05:30', '2026-01-31+05:00', '2026-10-25T02:30+01:00', '2026-10-25T02:30+02:00',
  '2026-10-25T02:30', '0001-01-01', '9999-12-31', '00:00', '10:30', '10:30:00', '10:30:15', '23:59:59.999', '7d', ' 7d ', '36h', '2w', '9999w', '1010', '10101010',
  '10.0.0.1', '192.168.0.0/24', '::1', '7b1b2d0c-5b5e-4d8a-9d5e-0a4b2c3d4e5f', '7B1B2D0C-5B5E-4D8A-9D5E-0A4B2C3D4E5F', 'x'.repeat(900),
];

const few = [
  'a, "b" & c',
  '1',
  '-1.50',
  '2026-01-31',
  '2026-01-31T10:30',
  '10:30',
  '7d',
  'true',
  '10.0.0.1',
];

interface Case {
  resource: Resource;
  field: FilterField;
  operator: FilterOperator;
  condition: Condition;
}

/**
 * Every operator of every kind of field of the schema, with every value that it takes: whatever is
 * added to either is among them.
 */
async function everyCase(
  { db, context }: TestApp,
  principal: Visitor['principal'],
): Promise<{ cases: Case[]; titles: Map<string, string> }> {
  const cases: Case[] = [];
  const titles = new Map<string, string>();
  const seen = new Set<string>();
  const tried = new Set<string>();
  for (const { slug } of context.registry.listFor(principal)) {
    const resource = context.registry.for(principal, slug);
    for (const field of filterFieldsOf(resource, principal)) {
      const own = await valuesOf(field, resource);
      for (const operator of field.operators) {
        const { meta, relation, kind } = field.field;
        const leadsTo = (relation ?? meta.relation)?.model;
        const about = [
          meta.type,
          meta.sqlType,
          meta.isList,
          meta.isRequired,
          leadsTo,
          field.via?.relation?.kind,
          kind?.name,
          operator.name,
          operator.value,
        ];
        if (seen.has(JSON.stringify(about))) continue;
        seen.add(JSON.stringify(about));
        // Once with all that there is; of other tables and through relations with a few.
        const first = JSON.stringify([
          getFieldKind(field.field).name,
          timestampKind(meta.sqlType),
          operator.name,
        ]);
        const texts = tried.has(first) ? [...own.slice(0, 3), ...few] : [...own, ...odd];
        tried.add(first);
        const caseOf = (values: string[]): Case => ({
          resource,
          field,
          operator,
          condition: { path: field.path, operator: operator.name, values },
        });
        if (operator.value !== null) {
          cases.push(caseOf([operator.value]));
          continue;
        }
        const taken = texts.filter((text) =>
          isTaken(
            resource,
            principal,
            caseOf(operator.input === 'range' ? [text, text] : [text]).condition,
          ),
        );
        if (operator.input === 'range')
          cases.push(...taken.map((text, index) => caseOf([text, taken.at(index - 1) as string])));
        else for (const text of taken) cases.push(caseOf([text]));
        const isAnswer = meta.type === 'Boolean';
        if (operator.input === 'many' && isAnswer) cases.push(caseOf(['no', 'on']));
        else if (operator.input === 'many' && taken.length > 1)
          cases.push(caseOf(taken.filter((text) => text.length < 100).slice(0, 9)));
      }
    }
  }
  return { cases, titles };

  async function valuesOf({ field }: FilterField, { model, related }: Resource): Promise<string[]> {
    const { relation, meta } = field;
    const other =
      (relation ?? meta.relation) ? related((relation ?? meta.relation)?.model as string) : null;
    if (other) {
      const query = {
        filter: '',
        sort: '',
        page: 1,
        size: 4,
        after: null,
        before: null,
        isCounted: false,
      };
      const { records } = await listRecords(context.registry, other, principal, query);
      for (const { key, title } of records)
        titles.set(`${other.model.name} ${keyToUrl(other.model, key)}`, title);
      return records.map(({ key }) => keyToUrl(other.model, key));
    }
    if (!meta.column || model.fields[meta.name] !== meta) return [];
    const { rows } = await db.pages.query<{ text: string }>(
      `select distinct ${meta.isList ? `unnest(${meta.column})` : meta.column}::text as text from ${model.table} where ${meta.column} is not null limit 12`,
    );
    const nameOf = (text: string) =>
      field.enum?.values.find(({ dbName }) => dbName === text)?.name ?? text;
    return rows.map(({ text }) => nameOf(text)).filter((text) => text !== null && text !== '');
  }
}

function isTaken(
  resource: Resource,
  principal: Visitor['principal'],
  condition: Condition,
): boolean {
  try {
    groupWhere(resource, principal, { kind: 'and', items: [condition] });
    return true;
  } catch (error) {
    if (error instanceof AppError) return false;
    throw error;
  }
}

interface Chip {
  text: string;
  href: string;
}

function chipsOf(html: string): Chip[] {
  return [
    ...html.matchAll(
      /<a class="list-chip[^"]*" href="([^"]*)"[^>]*><span[^>]*>([\s\S]*?)<\/span>/g,
    ),
  ].map(([, href = '', text = '']) => ({
    text: plain(text),
    href: plain(href),
  }));
}

function filterIn(address: string): string {
  const query = new URLSearchParams(address.split('?')[1] ?? '');
  for (const name of ['_sort', '_size', '_s', '_page']) query.delete(name);
  return filterToText(parseFilterText(query.toString()));
}

const textsOf = (conditions: readonly Condition[]) =>
  conditions
    .map(({ path, operator, values }) => JSON.stringify([path, operator, [...values].sort()]))
    .sort();

/** What a chip must say of a value, by other means than the product's. */
function wordsFor(
  { field, operator, resource }: Case,
  value: string,
  titles: ReadonlyMap<string, string>,
): string {
  const compared = comparedField(field.field);
  const { meta, relation } = compared;
  const leadsTo = relation ?? meta.relation;
  if (leadsTo) return (field.via ? null : titles.get(`${leadsTo.model} ${value}`)?.trim()) || value;
  if (operator.input === 'span') return Number(/\d+/.exec(value)?.[0]).toLocaleString('en');
  if (meta.type === 'DateTime' && meta.kind === 'scalar') {
    const zone = timestampKind(meta.sqlType) === 'timestamp' ? timeZone : 'utc';
    const at = DateTime.fromISO(value.trim().replace(' ', 'T'), { zone }).setLocale('en-GB');
    if (/^\d{4}-\d{2}-\d{2}[+-]/.test(value)) return field.field.meta.isList ? '' : 'the day from';
    if (/^\d{4}-\d{2}-\d{2}$/.test(value.trim())) return at.toLocaleString(DateTime.DATE_MED);
    return /:/.test(value) ? at.toFormat('HH:mm') : at.toLocaleString(DateTime.DATE_MED);
  }
  const kind = getFieldKind(compared);
  // Blanks at the end of `character(n)` are no part of a text.
  if (kind.isSearchable)
    return (meta.sqlType?.startsWith('character') ? value.replace(/ +$/, '') : value).replace(
      /\r\n?|\n/g,
      '⏎',
    );
  const parsed = kind.parse(value, compared, resource.reader);
  return 'error' in parsed
    ? value
    : kind.format(parsed.value, compared, resource.reader).text || value;
}

/** So many at once that an address still takes them. */
function togetherOf(cases: readonly Case[]): Case[][] {
  const all: Case[][] = [];
  for (const one of cases) {
    const last = all.at(-1);
    const length = (some: readonly Case[]) =>
      filterToText({ kind: 'and', items: some.map(({ condition }) => condition) }).length;
    if (
      last &&
      last.length < 20 &&
      last[0]?.resource === one.resource &&
      length([...last, one]) < 6_000
    )
      last.push(one);
    else all.push([one]);
  }
  return all;
}

test('every operator of every field, with every sort of value, stays as it is from the address to chips, the builder and the quick filters, and back', async (t) => {
  const app = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const { get, principal } = await app.signIn('admin').then((visitor) => ({
    get: (path: string) =>
      visitor.get(path, {
        cookie: `${visitor.cookie}; bulkhead_time_zone=${encodeURIComponent(timeZone)}`,
      }),
    principal: { ...visitor.principal, timeZone },
  }));
  const { cases, titles } = await everyCase(app, principal);
  const wrong: string[] = [];
  const operators = new Set(
    cases.map(({ field, operator }) => `${getFieldKind(field.field).name} ${operator.name}`),
  );
  for (const some of togetherOf(cases)) {
    const { slug } = (some[0] as Case).resource;
    const text = filterToText({ kind: 'and', items: some.map(({ condition }) => condition) });
    const filter = parseFilterText(text);
    if (
      textsOf(conditionsOf(filter)).join() !==
      textsOf(some.map(({ condition }) => condition)).join()
    )
      wrong.push(`${slug}?${text} is read as another`);
    const listed = await get(`/${slug}?${text}`);
    if (listed.statusCode !== 200) wrong.push(`${slug}?${text} is answered ${listed.statusCode}`);
    seeChips(slug, some, filter, chipsOf(listed.body));
    const sent = await sendQuick(slug, listed.body);
    if (filterIn(sent) !== text) wrong.push(`${slug}?${text} became ${sent} by the quick filters`);
    const came = await throughBuilder(get, slug, text);
    if (came === null || filterIn(came) !== text)
      wrong.push(`${slug}?${text} became ${came} by the builder`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(
    cases.length > 1_000 && operators.size > 80,
    `${cases.length} cases of ${operators.size} operators`,
  );

  function seeChips(
    slug: string,
    some: readonly Case[],
    filter: Group,
    chips: readonly Chip[],
  ): void {
    if (chips.length !== filter.items.length)
      wrong.push(`${slug} has ${chips.length} chips for ${filter.items.length} conditions`);
    filter.items.forEach((item, index) => {
      const [own] = isGroup(item) ? conditionsOf(item) : [item];
      const found = some.find(
        ({ condition }) => textsOf([condition]).join() === textsOf(own ? [own] : []).join(),
      );
      const chip = chips[index];
      if (!found || !chip) return;
      const said = chip.text.replaceAll('\u00a0', ' ');
      const missing = [
        found.field.label,
        ...(found.operator.input === 'none'
          ? [found.operator.label]
          : found.condition.values.map((value) => wordsFor(found, value, titles))),
      ].filter((words) => !said.includes(words));
      for (const words of missing)
        wrong.push(
          `the chip “${said}” of ${slug}?${filterToText({ kind: 'and', items: [item] })} does not say “${words}”`,
        );
      const rest = conditionsOf({
        ...filter,
        items: filter.items.filter((_, other) => other !== index),
      });
      const left = conditionsOf(parseFilterText(filterIn(chip.href)));
      if (textsOf(left).join() !== textsOf(rest).join())
        wrong.push(`“${said}” of ${slug} takes more away than itself`);
    });
  }
});

/** Where the builder leads with what the page shows, untouched; null: nowhere. */
async function throughBuilder(
  get: (path: string) => ReturnType<Visitor['get']>,
  slug: string,
  text: string,
): Promise<string | null> {
  const { body } = await get(`/${slug}/filter?${text}`);
  const sent = new URLSearchParams({ _do: 'apply' });
  for (const [name, all] of Object.entries(formOf(body, 'filter-builder')))
    for (const one of all) sent.append(name, one);
  const applied = await get(`/${slug}/filter?${sent}`);
  return applied.headers.location === undefined ? null : String(applied.headers.location);
}

/** The address that the quick filters lead to, with what belongs to them elsewhere on the page. */
async function sendQuick(slug: string, html: string): Promise<string> {
  const sent = new URLSearchParams();
  const beside = [
    ...html.matchAll(/<input type="hidden" form="list-filter" name="([^"]*)" value="([^"]*)">/g),
  ];
  for (const [, name = '', value = ''] of beside) sent.append(plain(name), plain(value));
  for (const [name, all] of Object.entries(formOf(html, 'list-filter'))) {
    for (const one of all) if (one !== '') sent.append(name.replace(/^_add\./, ''), one);
  }
  return `/${slug}?${sent}`;
}

test('groups in groups, of whatever is in them, come back from the builder as they were, and a chip takes away its own', async (t) => {
  const app = await testApp(t, { admin: tortureAdmin, content: 'torture' });
  const { get, principal } = await app.signIn('admin');
  const { cases } = await everyCase(app, principal);
  const short = cases.filter(({ condition }) => condition.values.join('').length < 60);
  const random = seededRandom(11);
  const below = (max: number) => Math.floor(random() * max);
  const pick = <T>(all: readonly T[]) => all[below(all.length)] as T;
  for (let count = 0; count < 60; count++) {
    const { resource } = pick(short);
    const own = short.filter((one) => one.resource === resource);
    const tree = (kind: Group['kind'], depth: number): Group => ({
      kind,
      items: Array.from({ length: 1 + below(3) }, () =>
        depth > 0 && below(3) === 0
          ? tree(kind === 'and' ? 'or' : 'and', depth - 1)
          : pick(own).condition,
      ),
    });
    const text = filterToText(tree('and', 3));
    const filter = parseFilterText(text);
    const came = await throughBuilder(get, resource.slug, text);
    assert.equal(came && filterIn(came), text, `${resource.slug}?${text}`);
    const { body } = await get(`/${resource.slug}?${text}`);
    const chips = chipsOf(body);
    assert.equal(chips.length, filter.items.length, text);
    chips.forEach(({ href }, index) => {
      const rest = { ...filter, items: filter.items.filter((_, other) => other !== index) };
      assert.equal(filterIn(href), filterToText(parseFilterText(filterToText(rest))), text);
    });
  }
});
