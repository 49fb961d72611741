/** A sample of a metric: `bulkhead_tasks{kind="bulk",state="queued"}` and its value. */
export type Samples = ReadonlyMap<string, number>;

/** What the text format of Prometheus says, with labels in the order of their names. */
export function readMetrics(text: string): Samples {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const [, name = '', labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const sorted = [...labels.matchAll(/\w+="[^"]*"/g)].map(String).sort().join(',');
      return [sorted === '' ? name : `${name}{${sorted}}`, Number(value)];
    }),
  );
}
