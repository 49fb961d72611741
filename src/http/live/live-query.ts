import { textsOf } from '../../form-texts.ts';
import { limits } from '../../limits.ts';
import { isTaskId } from '../../tasks/looking/queries.ts';
import { type ProgressPlace, placeIn } from '../tasks/progress.ts';

/** What a page asks for at once of what moves by itself on it: each names itself in `data-live`. */
export interface WantedPieces {
  bars: readonly WantedBar[];
  records: WantedRecords | null;
  /** Who stood in the way of a bulk operation, as the dialog names them. */
  conflict: string | null;
  /** Query of the list of tasks; null: it is not there. */
  list: string | null;
  /** Id of the latest message that the bell knows of; null: there is none. */
  bell: number | null;
}

export interface WantedBar {
  id: number;
  place: ProgressPlace;
  /** What the page shows of it. */
  shownState: string | undefined;
}

/** Records of one resource that tasks held. */
export interface WantedRecords {
  slug: string;
  /** Id, as in an address, of the one that is waited for. */
  lock: string | null;
  /** Id of the one that the page is about. */
  holding: string | null;
  /** Those of a list. */
  rows: readonly WantedRow[];
}

export interface WantedRow {
  key: string;
  /** The task that held it. */
  taskId: number;
}

/** What means nothing is left out: whoever asked for it is not answered. */
export function parseWanted(query: Record<string, unknown>): WantedPieces {
  const bell = textsOf(query.bell)[0];
  return {
    bars: textsOf(query.bar).flatMap(parseBar).slice(0, limits.live.bars),
    records: parseRecords(query),
    conflict: textsOf(query.conflict)[0] ?? null,
    list: textsOf(query.list)[0] ?? null,
    bell: bell !== undefined && Number.isSafeInteger(Number(bell)) ? Number(bell) : null,
  };
}

/** `7.strip.running.1000.1790000000000` */
function parseBar(text: string): WantedBar | [] {
  const [id = '', place, ...shownState] = text.split('.');
  if (!isTaskId(Number(id))) return [];
  return { id: Number(id), place: placeIn(place), shownState: shownState.join('.') };
}

function parseRecords(query: Record<string, unknown>): WantedRecords | null {
  const [lock = null, holding = null] = [query.lock, query.holding].map(
    (given) => /^([^/]+)\/(.+)$/s.exec(textsOf(given)[0] ?? '') ?? undefined,
  );
  const slug = textsOf(query.records)[0] ?? lock?.[1] ?? holding?.[1];
  if (slug === undefined) return null;
  const idIn = (found: RegExpExecArray | null) => (found?.[1] === slug ? (found[2] ?? null) : null);
  return {
    slug,
    lock: idIn(lock),
    holding: idIn(holding),
    rows: textsOf(query.row).flatMap(parseRow).slice(0, limits.live.rows),
  };
}

/** `7.00000000000000000042` */
function parseRow(text: string): WantedRow | [] {
  const [, taskId, key] = /^(\d{1,10})\.(.+)$/s.exec(text) ?? [];
  return taskId === undefined || key === undefined ? [] : { key, taskId: Number(taskId) };
}
