import type { ChunkFate } from '../../tasks/looking/chunk-map.ts';

const number = new Intl.NumberFormat('en');
const list = new Intl.ListFormat('en');
const chunks = (count: number) => `${number.format(count)} ${count === 1 ? 'chunk' : 'chunks'}`;

export const chunkMapTexts = {
  heading: 'Where it stands',
  /** `1,000 chunks, in the order of their records: 950 done, 2 with failed records and 48 waiting.` */
  sentence: (count: number, parts: readonly string[]) =>
    `${chunks(count)}, in the order of ${count === 1 ? 'its' : 'their'} records: ${list.format(parts)}.`,
  fates: {
    failed: (count: number) => `${number.format(count)} with failed records`,
    conflicted: (count: number) => `${number.format(count)} with records that were left alone`,
    waiting: (count: number) => `${number.format(count)} waiting`,
    changed: (count: number) => `${number.format(count)} done`,
    unchanged: (count: number) => `${number.format(count)} done, with nothing to change`,
  } satisfies Record<ChunkFate, (count: number) => string>,
  notReached: (count: number) => `${number.format(count)} not reached`,
  several: (count: number) => `A cell stands for up to ${chunks(count)}; a failed one comes first.`,
  hurt: 'Chunks to look at',
  from: (place: number) => `From no. ${number.format(place)}`,
  moreHurt: (count: number) => `and ${number.format(count)} more`,
};
