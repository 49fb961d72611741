import type { Principal } from '../../auth/principal.ts';
import { cellError } from '../../fields/cell-error.ts';
import type { KindView, ShownCell } from '../../fields/contract.ts';
import { getFieldKind } from '../../fields/field-kinds.ts';
import { limits } from '../../limits.ts';
import type { Column, Resource, ResourceField } from '../../resources/contract.ts';
import { can } from '../../resources/permissions.ts';
import { cutText } from '../../selection/cut.ts';
import type { ListedRecord } from '../../selection/list.ts';
import type { Url } from '../url.ts';
import { isLocalPath } from '../url.ts';
import { type OwnView, ownViewOf } from './own-views.ts';

/** A value as lists and record pages show it. */
export interface CellData {
  text: string;
  align: 'start' | 'end';
  label: string;
  badge: string | null;
  icon: string | null;
  href: string | null;
  /** It leads away from these pages: in a tab of its own. */
  isOutside: boolean;
  /** Drawn by a template of the project's own, in place of the text. */
  own: { view: OwnView; data: object } | null;
}

export interface CellParts {
  resource: Resource;
  principal: Principal;
  url: Url;
}

/** A value in a list, as far as a cell shows it. */
export function columnCell(parts: CellParts, column: Column, record: ListedRecord): CellData {
  const cell = wholeCell(parts, column, record);
  return {
    ...cell,
    text: cutText(cell.text, limits.shown.cellLength),
    badge: cell.badge && cutText(cell.badge, limits.shown.cellLength),
  };
}

function wholeCell(parts: CellParts, column: Column, record: ListedRecord): CellData {
  const value = record.values[column.name];
  const field = column.field;
  if (field)
    return {
      ...fieldCell(parts, field, value),
      label: column.label,
      align: alignOf(column) ?? startOrEnd(field),
    };
  if (value === cellError(column.label)) return errorCell(column.label);
  const text =
    typeof value === 'number' || typeof value === 'bigint'
      ? amount.format(value)
      : String(value ?? '');
  const align =
    column.align ?? (typeof value === 'number' || typeof value === 'bigint' ? 'end' : 'start');
  return {
    text,
    align,
    label: column.label,
    badge: null,
    icon: null,
    own: null,
    ...linkOf(record.links[column.name] ?? null, parts.url),
  };
}

export function fieldCell(
  { resource, principal, url }: CellParts,
  field: ResourceField,
  value: unknown,
): CellData {
  const kind = getFieldKind(field);
  const cell = kind.format(value, field, resource.reader);
  const isThere = value !== null && value !== undefined;
  const isOwn = isThere && field.format !== null;
  const related = cell.link ? resource.related(cell.link.model) : null;
  const isBoolean =
    field.meta.type === 'Boolean' &&
    !isOwn &&
    (cell.badge === undefined || cell.badge === 'yes' || cell.badge === 'no');
  const toRelated =
    cell.link && related && can(related, principal, 'list')
      ? url(`/${related.slug}/${encodeURIComponent(cell.link.id)}`)
      : null;
  const text = isOwn ? (field.format?.(value) ?? '') : cell.text;
  if (text === cellError(field.label)) return errorCell(field.label);
  return {
    text,
    align: field.align ?? cell.align,
    label: field.label,
    badge: isBoolean ? null : (cell.badge ?? null),
    icon: isBoolean && cell.badge ? (cell.badge === 'yes' ? 'check' : 'minus') : null,
    own:
      isThere && !isOwn && kind.cell
        ? ownCell(kind.cell, { value, text, field, reader: resource.reader })
        : null,
    ...(isThere && field.link
      ? linkOf(field.link(value), url)
      : { href: toRelated, isOutside: false }),
  };
}

function ownCell(cell: KindView<ShownCell>, shown: ShownCell): CellData['own'] {
  return { view: ownViewOf(cell), data: cell.data?.(shown) ?? {} };
}

function errorCell(label: string): CellData {
  return {
    text: cellError(label),
    align: 'start',
    label,
    badge: null,
    icon: 'triangle-alert',
    own: null,
    href: null,
    isOutside: false,
  };
}

/** Side of a column's head; of a computed one, what its option says. */
export function alignOf(column: Column): 'start' | 'end' | null {
  return column.align ?? (column.field ? startOrEnd(column.field) : null);
}

function startOrEnd(field: ResourceField): 'start' | 'end' {
  return getFieldKind(field).format(null, field).align;
}

const amount = new Intl.NumberFormat('en', { maximumFractionDigits: 20 });

// No address is longer.
const maxLinkLength = 2_000;

function linkOf(link: string | null, url: Url): Pick<CellData, 'href' | 'isOutside'> {
  const href = hrefOf(link, url);
  return { href, isOutside: href !== null && /^https?:/i.test(href) };
}

// A link may be made of what a record holds, so a scheme that runs code is none.
function hrefOf(link: string | null, url: Url): string | null {
  if (link === null || link.length > maxLinkLength) return null;
  if (link.startsWith('/')) return isLocalPath(link) ? url(link) : null;
  return /^(https?|mailto|tel):/i.test(link) ? link : null;
}
