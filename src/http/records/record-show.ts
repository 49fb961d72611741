import type { Principal } from '../../auth/principal.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import { offeredTo } from '../../operations/operations.ts';
import type { Resource, ResourceField, ResourceRegistry } from '../../resources/contract.ts';
import { can } from '../../resources/permissions.ts';
import { cutText } from '../../selection/cut.ts';
import type { RecordValuesRead } from '../../selection/record.ts';
import { findRelated, type RelatedRecord, relationTarget } from '../../selection/related.ts';
import type { RelatedList } from '../../selection/related-lists.ts';
import type { OfferedButton } from '../../tasks/launching/launch-buttons.ts';
import type { TaskAbout } from '../../tasks/looking/about.ts';
import { type CellData, fieldCell } from '../controls/cell.ts';
import { foreignNote } from '../list/list-lead.ts';
import { backPath } from '../list-address.ts';
import { type Badge, badgeOf } from '../tasks/badge.ts';
import { type LaunchButtonData, launchButtons } from '../tasks/launch.ts';
import type { ShownHolder } from '../tasks/task-title.ts';
import type { Url } from '../url.ts';
import { fieldHref } from './record-field.ts';
import { deleteLinkText, recordPath, titleOf } from './record-form.ts';
import { isMany } from './record-input.ts';
import { type RecordLockData, recordLock } from './record-lock.ts';
import { recordTexts } from './records-texts.ts';

/** A value on a record's page; of a relation to many, each of them. */
export interface ShownValue
  extends Pick<CellData, 'text' | 'badge' | 'icon' | 'href' | 'isOutside' | 'label' | 'own'> {
  name: string;
  records: readonly { title: string; href: string | null }[];
  isWide: boolean;
  isCode: boolean;
  /** Where all of it is, which is too long for the page. */
  whole: { href: string; label: string } | null;
}

export interface RecordShowData {
  title: string;
  heading: string;
  /** That the record is on another server, where nothing can be changed. */
  foreign: string | null;
  kind: string;
  back: { href: string; label: string };
  edit: { href: string; label: string } | null;
  delete: { href: string; label: string } | null;
  history: { href: string; label: string };
  /** Operations of the project's own on this one record. */
  operations: readonly { href: string; label: string; icon: string; isDangerous: boolean }[];
  /** What launches tasks of the project's own about it. */
  buttons: readonly LaunchButtonData[];
  lock: RecordLockData | null;
  groups: readonly { label: string | null; help: string | null; values: readonly ShownValue[] }[];
  related: readonly {
    label: string;
    countText: string;
    /** Why there is nothing in it. */
    note: string | null;
    href: string | null;
    records: readonly { title: string; href: string }[];
    isMore: boolean;
    allText: string;
  }[];
  /** About this record, the newest first. */
  tasks: readonly { href: string; label: string; badge: Badge }[];
  words: typeof recordTexts;
  scripts?: readonly string[];
}

export interface ShowParts {
  registry: ResourceRegistry;
  resource: Resource;
  principal: Principal;
  record: RecordValuesRead;
  lists: readonly RelatedList[];
  holder: ShownHolder | null;
  tasks: readonly TaskAbout[];
  buttons: readonly OfferedButton[];
  back: string;
  url: Url;
}

/** One statement for each relation among the fields. */
export async function recordShowData(parts: ShowParts): Promise<RecordShowData> {
  const { resource, principal, record, lists, holder, back, url } = parts;
  const heading = titleOf(resource, record);
  const path = recordPath(resource, record.key);
  const backQuery = back === '' ? '' : `?_back=${encodeURIComponent(back)}`;
  const link = (action: 'update' | 'delete', segment: string, label: string) =>
    can(resource, principal, action)
      ? { href: url(`${path}/${segment}${backQuery}`), label }
      : null;
  const values = new Map(
    await Promise.all(
      resource.show.map(async (field) => [field, await shownValue(parts, field)] as const),
    ),
  );
  const listed = lists.filter(
    ({ field }) =>
      !isMany(field) || !resource.show.includes(field) || record.overfull.includes(field.name),
  );
  return {
    title: heading,
    heading,
    foreign: foreignNote(resource),
    kind: resource.singular,
    back: { href: url(backPath(resource, back)), label: recordTexts.back(resource.label) },
    edit: link('update', 'edit', recordTexts.edit),
    delete: link('delete', 'delete', deleteLinkText(resource)),
    tasks: parts.tasks.map(({ id, title, state }) => ({
      href: url(`/tasks/${id}`),
      label: title,
      badge: badgeOf(state),
    })),
    history: { href: url(`${path}/history`), label: recordTexts.history },
    operations: offeredTo(resource, principal, 'record').map(({ offer, words }) => ({
      href: url(
        `/${resource.slug}/${offer.path}?${new URLSearchParams({ _record: keyToUrl(resource.model, record.key) })}`,
      ),
      label: words.button,
      icon: offer.icon,
      isDangerous: offer.tone === 'danger',
    })),
    buttons: launchButtons(parts.buttons, url, keyToUrl(resource.model, record.key)),
    lock: holder ? recordLock({ resource, key: record.key, url }, holder) : null,
    groups: resource.showGroups
      .map(({ label, help, fields }) => ({
        label,
        help,
        values: fields.flatMap((field) => values.get(field) ?? []),
      }))
      .filter((group) => group.values.length > 0),
    related: listed.map((list) => relatedData(parts, list)),
    words: recordTexts,
  };
}

async function shownValue(parts: ShowParts, field: ResourceField): Promise<ShownValue> {
  const { resource, principal, record, url } = parts;
  const related = await relatedOf(parts, field);
  const isMuch = isMany(field);
  const value = field.relation?.kind === 'to-one' ? related[0] : record.values[field.meta.name];
  const cell = isMuch ? null : fieldCell({ resource, principal, url }, field, value ?? null);
  const long = record.long.get(field.name);
  const isCode =
    field.meta.type === 'Json' &&
    field.format === null &&
    field.kind === null &&
    !field.meta.isList;
  const isCut = long !== undefined && field.format === null && field.kind === null;
  const text = isCut
    ? `${long.beginning}…`
    : isCode
      ? [getFieldKind(field).toForm(value ?? null, field, resource.reader)].flat().join('')
      : cutText(cell?.text ?? '', maxShownLength);
  const target = field.relation && resource.related(field.relation.model);
  return {
    name: field.name,
    label: field.label,
    text,
    badge: cell?.badge ?? null,
    icon: cell?.icon ?? null,
    href: cell?.href ?? null,
    isOutside: cell?.isOutside ?? false,
    own: cell?.own ?? null,
    records: isMuch
      ? related.map(({ id, title }) => ({ title, href: target ? url(hrefOf(target, id)) : null }))
      : [],
    isWide: isMuch || text.length > 80 || text.includes('\n') || isCode,
    isCode,
    whole: long
      ? { href: fieldHref(parts, field, record, 'value'), label: recordTexts.wholeValue }
      : null,
  };
}

/** Characters that the project's own words for a value may have. */
const maxShownLength = 100_000;

/** What a relation leads to; what may not be seen is known by what the record itself holds. */
async function relatedOf(
  { registry, resource, principal, record }: ShowParts,
  field: ResourceField,
): Promise<RelatedRecord[]> {
  if (!field.relation) return [];
  const held = isMany(field)
    ? ((record.values[field.name] ?? []) as { id: string }[]).map(({ id }) => id)
    : [record.values[field.meta.name]];
  const values = held.filter((value) => value !== null && value !== undefined).map(String);
  const target = relationTarget(resource, field);
  const found = target
    ? await findRelated(registry, target, principal, values)
    : new Map<string, RelatedRecord>();
  return values.map((value) => found.get(value) ?? { id: value, title: value });
}

function hrefOf(resource: Resource, id: string): string {
  return `/${resource.slug}/${encodeURIComponent(id)}`;
}

function relatedData(
  { resource, record, url }: ShowParts,
  { field, resource: related, opposite, records, count, isMore, given }: RelatedList,
) {
  const query = new URLSearchParams([
    [isMany(field) ? `${opposite.name}-has` : opposite.name, keyToUrl(resource.model, record.key)],
  ]);
  return {
    label: field.label,
    countText:
      count === null ? recordTexts.relatedNotCounted : recordTexts.relatedCount(count, isMore),
    note: given === 'nothing' ? recordTexts.relatedNotRead : null,
    href: opposite.relation ? url(`/${related.slug}?${query}`) : null,
    records: records
      .filter(({ id }) => id !== '')
      .map(({ id, title }) => ({ title, href: url(hrefOf(related, id)) })),
    isMore: count === null || count > records.length,
    allText: recordTexts.relatedAll(field.label),
  };
}

declare module '../pages.ts' {
  interface Pages {
    'records/show': RecordShowData;
  }
}
