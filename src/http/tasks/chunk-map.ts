import { type ChunkFate, chunkFates, type MapCell } from '../../tasks/looking/chunk-map.ts';
import { isFinished } from '../../tasks/states.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import type { Url } from '../url.ts';
import { chunkMapTexts } from './chunk-map-texts.ts';

/** Those to look at that have links in words. */
const maxHurt = 20;

/** A strip with a cell for each chunk of a task, and the same in a sentence. */
export interface ChunkMapData {
  heading: string;
  sentence: string;
  severalText: string | null;
  /** Addresses of cells begin with it. */
  base: string;
  cells: readonly { number: number; fate: ChunkFate }[];
  legend: readonly { fate: ChunkFate; text: string }[];
  /** Links for those to whom the strip is nothing; null: all went well. */
  hurt: {
    label: string;
    links: readonly { href: string; text: string }[];
    moreText: string | null;
  } | null;
}

/** Null: it has one chunk at most, of which a map says nothing. */
export function chunkMapData(
  task: TaskRow,
  cells: readonly MapCell[],
  url: Url,
): ChunkMapData | null {
  const total = (fate: ChunkFate) => cells.reduce((sum, cell) => sum + cell[fate], 0);
  const counts = chunkFates.map((fate) => ({ fate, count: total(fate) }));
  const count = counts.reduce((sum, one) => sum + one.count, 0);
  if (count < 2) return null;
  const shown = cells.map((cell) => ({ number: cell.number, fate: fateOf(cell) }));
  const hurt = shown.filter(({ fate }) => fate === 'failed' || fate === 'conflicted');
  const legend = counts
    .filter((one) => one.count > 0)
    .map((one) => ({ fate: one.fate, text: inWords(task, one.fate, one.count) }));
  const base = url(`/tasks/${task.id}/chunks/`);
  return {
    heading: chunkMapTexts.heading,
    sentence: chunkMapTexts.sentence(
      count,
      legend.map(({ text }) => text),
    ),
    severalText:
      count > cells.length ? chunkMapTexts.several(Math.ceil(count / cells.length)) : null,
    base,
    cells: shown,
    legend,
    hurt:
      hurt.length === 0
        ? null
        : {
            label: chunkMapTexts.hurt,
            links: hurt.slice(0, maxHurt).map(({ number }) => ({
              href: `${base}${number}`,
              text: chunkMapTexts.from(number + 1),
            })),
            moreText: hurt.length > maxHurt ? chunkMapTexts.moreHurt(hurt.length - maxHurt) : null,
          },
  };
}

function fateOf(cell: MapCell): ChunkFate {
  return chunkFates.find((fate) => cell[fate] > 0) ?? 'waiting';
}

function inWords({ state }: TaskRow, fate: ChunkFate, count: number): string {
  const isLeft = fate === 'waiting' && isFinished(state);
  return (isLeft ? chunkMapTexts.notReached : chunkMapTexts.fates[fate])(count);
}
