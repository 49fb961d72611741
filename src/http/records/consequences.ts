import type { Principal } from '../../auth/principal.ts';
import { limits } from '../../limits.ts';
import type { Affected, Consequences } from '../../operations/cascade/consequences.ts';
import type { Resource, ResourceRegistry } from '../../resources/contract.ts';
import { can } from '../../resources/permissions.ts';
import type { Url } from '../url.ts';
import { consequenceTexts } from './consequences-texts.ts';

/** What a delete does to others, in words: on a record's delete page and in the bulk dialog. */
export interface ConsequencesData {
  groups: readonly ConsequenceGroup[];
  notes: readonly string[];
  /** Whether it can be undone; null: not said, or nothing would be deleted. */
  undo: { text: string; note: string | null; isPossible: boolean } | null;
  /** The database will refuse. */
  isForbidden: boolean;
}

export interface ConsequenceGroup {
  kind: 'deleted' | 'cleared' | 'forbidding';
  heading: string;
  icon: string;
  note: string | null;
  items: readonly {
    text: string;
    detail: string | null;
    records: readonly { title: string; href: string }[];
    moreText: string | null;
  }[];
}

const words = consequenceTexts;

export interface Undoer {
  principal: Principal;
  /** Days for which a task can be undone. */
  days: number;
  /** What they must be allowed to do to what goes along, to bring it back. */
  action: 'delete' | 'bulk-delete';
}

export function consequencesData(
  registry: ResourceRegistry,
  resource: Resource,
  consequences: Consequences,
  url: Url,
  undoer: Undoer | null = null,
): ConsequencesData {
  const isOne = consequences.records === 1;
  const item = (affected: Affected) => {
    const { count, isMore, records, resource: own, columns } = affected;
    return {
      text: textOf(registry, resource, affected),
      detail:
        columns.length > 0 && own
          ? words.by(columns.map((column) => columnLabel(own, column)).join(', '))
          : null,
      records: own
        ? records.map(({ id, title }) => ({
            title,
            href: url(`/${own.slug}/${encodeURIComponent(id)}`),
          }))
        : [],
      moreText:
        records.length > 0 && count > records.length
          ? words.more(count - records.length, isMore)
          : null,
    };
  };
  const group = (
    kind: ConsequenceGroup['kind'],
    icon: string,
    heading: string,
    all: readonly Affected[],
    note: string | null = null,
  ) => (all.length === 0 ? [] : [{ kind, icon, heading, note, items: all.map(item) }]);
  const groups = [
    ...group(
      'forbidding',
      'ban',
      words.forbidding,
      consequences.forbidding,
      isOne ? words.forbiddingNote : words.forbiddingMany,
    ),
    ...group('deleted', 'trash-2', isOne ? words.deleted : words.deletedMany, consequences.deleted),
    ...group('cleared', 'unlink', words.cleared, consequences.cleared),
  ];
  const notes = [
    ...(groups.length === 0 ? [words.nothing] : []),
    ...(consequences.amongThem.length > 0
      ? [
          words.amongThem(
            consequences.amongThem.map((column) => columnLabel(resource, column)).join(', '),
          ),
        ]
      : []),
    ...(consequences.isComplete ? [] : [words.partial]),
    ...(consequences.unindexed.length > 0 ? [words.slow(consequences.unindexed.join(', '))] : []),
  ];
  const isForbidden = consequences.forbidding.length > 0;
  const isHopeless = consequences.records === 0 || (isOne && isForbidden);
  return {
    groups,
    notes,
    undo: undoer && !isHopeless ? undoOf(registry, resource, consequences, undoer) : null,
    isForbidden,
  };
}

/**
 * Of records that the resource's own hook puts away: nothing is deleted. `days`: for which it can be
 * undone; null: not at all.
 */
export function putAwayData(days: number | null): ConsequencesData {
  const undo = days === null ? null : { text: words.undoable(days, []), note: null };
  return {
    groups: [],
    notes: [words.putAway],
    undo: undo && { ...undo, isPossible: true },
    isForbidden: false,
  };
}

function undoOf(
  registry: ResourceRegistry,
  resource: Resource,
  found: Consequences,
  { principal, days, action }: Undoer,
): ConsequencesData['undo'] {
  const records = found.deleted.filter(({ links }) => !links);
  const named = records.map((affected) => textOf(registry, resource, affected));
  const refused = (why: string) => ({
    text: words.notUndoable(named),
    note: why,
    isPossible: false,
  });
  if (!found.cascade.isKept)
    return refused(words.whyNotUndoable[found.cascade.reason](found.cascade.table));
  const cascade = found.deleted.reduce((sum, { count }) => sum + count, 0);
  if (found.records === 1 && !found.isComplete && found.records + cascade >= limits.record.followed)
    return refused(words.whyNotUndoable.tooMany(limits.record.cascade));
  const mayBringBack = ({ resource: own }: Affected) => own !== null && can(own, principal, action);
  if (!records.every(mayBringBack)) return refused(words.whyNotUndoable.forbidden);
  const notes = [
    ...(found.cleared.length > 0 ? [words.clearedNote] : []),
    ...(records.some(({ isMore }) => isMore) ? [words.undoableNote(limits.record.cascade)] : []),
  ];
  return {
    text: words.undoable(days, named),
    note: notes.length > 0 ? notes.join(' ') : null,
    isPossible: true,
  };
}

function textOf(
  registry: ResourceRegistry,
  about: Resource,
  { model, resource, table, links, count, isMore }: Affected,
): string {
  if (resource) return words.records(count, isMore, resource.singular, resource.label);
  if (links) {
    const other = links[0] === about.model.name ? links[1] : links[0];
    const related = about.related(other);
    return related ? words.links(count, isMore, related.label) : words.hidden(count, isMore);
  }
  const isKept = registry.list.some((candidate) => candidate.model === model);
  return isKept ? words.hidden(count, isMore) : words.rows(count, isMore, table);
}

function columnLabel({ fields }: Resource, column: string): string {
  return fields.find(({ meta }) => meta.dbColumn === column)?.label ?? column;
}
