import type { Spec } from 'vega';

/** A bar for each stretch of time. */
export interface Chart {
  labels: readonly string[];
  values: readonly number[];
}

const size = { width: 380, height: 150 };
/** Labels are given to so many bars at most: more would stand in each other's way. */
const maxLabels = 6;

/**
 * SVG of a bar chart. Colours are the stylesheet's variables, so that it is light or dark with the
 * page; it has no inline style, which the content security policy would forbid.
 *
 * The library is loaded when somebody first looks at a chart.
 */
export async function chartSvg(chart: Chart): Promise<string> {
  const { View, parse } = await import('vega');
  const view = new View(parse(specOf(chart)), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** 1,500,000 is 1.5M. */
const shortNumber = "datum.value < 1000 ? datum.value : format(datum.value, '~s')";

function specOf({ labels, values }: Chart): Spec {
  const step = Math.ceil(labels.length / maxLabels);
  const places = labels.map((_, place) => String(place));
  return {
    ...size,
    padding: 0,
    autosize: { type: 'fit', contains: 'padding' },
    config: {
      axis: {
        aria: false,
        domain: false,
        ticks: false,
        labelPadding: 4,
        labelFont: 'inherit',
        labelFontSize: 11,
        labelColor: 'var(--chart-text)',
        gridColor: 'var(--chart-line)',
      },
    },
    signals: [{ name: 'labels', value: labels }],
    data: [
      { name: 'bars', values: values.map((value, place) => ({ place: places[place], value })) },
    ],
    scales: [
      { name: 'x', type: 'band', domain: places, range: 'width', padding: 0.25 },
      {
        name: 'y',
        domain: [0, Math.max(1, ...values)],
        range: 'height',
        nice: 3,
      },
    ],
    axes: [
      {
        orient: 'left',
        scale: 'y',
        grid: true,
        tickCount: 3,
        tickMinStep: 1,
        encode: { labels: { update: { text: { signal: shortNumber } } } },
      },
      {
        orient: 'bottom',
        scale: 'x',
        labelPadding: 8,
        values: places.filter((_, place) => place % step === 0),
        encode: { labels: { update: { text: { signal: 'labels[datum.value]' } } } },
      },
    ],
    marks: [
      {
        type: 'rect',
        aria: false,
        from: { data: 'bars' },
        encode: {
          enter: {
            x: { scale: 'x', field: 'place' },
            width: { scale: 'x', band: 1 },
            y: { scale: 'y', field: 'value' },
            y2: { scale: 'y', value: 0 },
            fill: { value: 'var(--chart-bar)' },
          },
        },
      },
    ],
  };
}
