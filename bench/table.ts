/** What a bench measured: its case, and figures that apply. */
export type Measured = { case: string } & Record<string, string | number>;

/** What a bench is asked for that has several parts. */
export interface PartOptions {
  rows: number;
  pairs: number;
  /** Of the cases those whose name has this text. */
  part: string;
}

export function printTable(rows: readonly Measured[]): void {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const text = (row: Measured, column: string) => {
    const value = row[column];
    return typeof value === 'number' && !Number.isInteger(value)
      ? value.toFixed(2)
      : String(value ?? '');
  };
  const widths = columns.map((column) =>
    Math.max(column.length, ...rows.map((row) => text(row, column).length)),
  );
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |`;
  console.log(line(columns));
  console.log(`|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`);
  for (const row of rows) console.log(line(columns.map((column) => text(row, column))));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1
    ? (sorted[Math.floor(middle)] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** `share` of the values are not above it. */
export function percentile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0;
}

/** Seconds of pairs of runs, side by side. */
export interface Took {
  task: readonly number[];
  raw: readonly number[];
}

/** How many times as long as the raw statement: the middle of the pairs, with their extremes. */
export function ratioRow(about: Measured, { task, raw }: Took): Measured {
  const ratios = task.map((seconds, index) => seconds / (raw[index] as number));
  return {
    ...about,
    taskSeconds: median(task),
    rawSeconds: median(raw),
    ratio: median(ratios),
    ratioMin: Math.min(...ratios),
    ratioMax: Math.max(...ratios),
  };
}
