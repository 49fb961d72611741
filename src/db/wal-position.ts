import type { Queryable } from './transaction.ts';

/** A place in what a server writes ahead; a promoted standby begins another timeline. */
export interface WalPosition {
  timeline: number;
  lsn: bigint;
}

/** Hexadecimal digits of a number of 32 bits, and of one of 64. */
const positionPattern = /^([0-9a-f]{1,8})\.([0-9a-f]{1,16})$/;

/** `1.3436a18` */
export function positionText({ timeline, lsn }: WalPosition): string {
  return `${timeline.toString(16)}.${lsn.toString(16)}`;
}

/** Null: it is none. */
export function parsePosition(text: string): WalPosition | null {
  const [, timeline, lsn] = positionPattern.exec(text) ?? [];
  if (timeline === undefined || lsn === undefined) return null;
  return { timeline: Number.parseInt(timeline, 16), lsn: BigInt(`0x${lsn}`) };
}

/** `16/B374D848`, as PostgreSQL writes it. */
export function parseLsn(text: string): bigint {
  const [high = '0', low = '0'] = text.split('/');
  return (BigInt(`0x${high}`) << 32n) + BigInt(`0x${low}`);
}

/** Whatever there is: nothing has come so far. */
export const endOfAll: WalPosition = { timeline: 0xffff_ffff, lsn: 0xffff_ffff_ffff_ffffn };

/**
 * Has a server that is there replayed what was written before the other? Where its timeline is a
 * later one, what it took over from the earlier lies before its own, and what lies beyond is lost.
 */
export function isReached(there: WalPosition, wanted: WalPosition): boolean {
  return there.timeline >= wanted.timeline && there.lsn >= wanted.lsn;
}

export function laterOf(one: WalPosition, other: WalPosition): WalPosition {
  const [lsn = 0n] = [one.lsn, other.lsn].sort((a, b) => (a < b ? 1 : -1));
  return { timeline: Math.max(one.timeline, other.timeline), lsn };
}

/** SQL, on a primary: its timeline. What it writes says so by the names of its files. */
export const timelineSql = `('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int`;

/**
 * Asked of a primary after a commit: a position after it. Where the next record goes, since what is
 * not waited for (`synchronous_commit` off) may not be written yet.
 */
export async function writtenPosition(primary: Queryable): Promise<WalPosition> {
  const { rows } = await primary.query<{
    timeline: number;
    lsn: string;
    page: number;
    segment: number;
  }>(
    `select ${timelineSql} as timeline, pg_current_wal_insert_lsn()::text as lsn,
       current_setting('wal_block_size')::int as page, pg_size_bytes(current_setting('wal_segment_size'))::int as segment`,
  );
  const [found = { timeline: 0, lsn: '', page: 1, segment: 1 }] = rows;
  const { timeline, page, segment } = found;
  return { timeline, lsn: endBefore(parseLsn(found.lsn), { page, segment }) };
}

/** Bytes with which a page begins, and the first page of a file. */
const [pageHeader, fileHeader] = [24n, 40n];

/**
 * The next record goes behind the head of a page, where the last one has filled the page before. Of
 * a head that nothing follows a standby is not sent, so that it would not come there until something
 * else is written.
 */
export function endBefore(next: bigint, sizes: { page: number; segment: number }): bigint {
  const within = next % BigInt(sizes.page);
  const isFirst = next % BigInt(sizes.segment) === within;
  return within === (isFirst ? fileHeader : pageHeader) ? next - within : next;
}
