import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Eta } from 'eta';
import type { KindView, ResourceField, ShownCell, ShownControl } from '../fields/contract.ts';
import { utcReader } from '../fields/reader.ts';
import { strictViewData } from '../fields/strict-view-data.ts';
import { isIcon } from '../icon-names.ts';
import { ourFile } from '../our-files.ts';
import { sampleOf } from './sample-value.ts';

/** What is wrong with one of a kind's own templates as it is given; null: nothing. */
export function kindViewProblem(given: unknown): string | null {
  const { view, data } = (given ?? {}) as { view?: unknown; data?: unknown };
  if (!(view instanceof URL) || view.protocol !== 'file:')
    return "must be { view: new URL('./money.eta', import.meta.url), data }.";
  if (data !== undefined && typeof data !== 'function')
    return 'must have a function for its `data`, or none.';
  const path = fileURLToPath(view);
  try {
    const text = readFileSync(path, 'utf8');
    eta.compile(text);
    return text.trim() === '' ? `the template ${path} is empty.` : null;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return `there is no template ${path}.`;
    return `the template ${path} cannot be read: ${message.split('\n')[0]}.`;
  }
}

/** What shows when a kind's own control is drawn once, empty and filled in; null: nothing. */
export function drawnControlProblem(
  control: KindView<ShownControl>,
  field: ResourceField,
): string | null {
  const form = sampleOf(field)?.form;
  return drawnAs('') ?? (form === undefined ? null : drawnAs(form));

  function drawnAs(text: string): string | null {
    const is = text !== '';
    const attributes = `id="field-${field.name}" name="${field.name}"`;
    const state = { attributes, value: text, isSmall: is, isWrong: is, isRequired: is };
    const drawn = draw(control, { text, field, reader: utcReader }, state);
    if (drawn.problem !== null || drawn.html.includes(attributes)) return drawn.problem;
    return `the template ${fileURLToPath(control.view)} does not write <%~ it.attributes %>, so what is typed would not be sent.`;
  }
}

/** The same of a cell. */
export function drawnCellProblem(cell: KindView<ShownCell>, field: ResourceField): string | null {
  const sample = sampleOf(field);
  if (!sample) return null;
  const { value, text } = sample;
  return draw(cell, { value, text, field, reader: utcReader }, { text }).problem;
}

const eta = Object.assign(
  new Eta({
    views: ourFile('views'),
    autoEscape: true,
    // Says the line that failed.
    debug: true,
    autoFilter: true,
    filterFunction(value) {
      if (value === undefined || value === null) throw new Error(`it would write "${value}".`);
      return value as string;
    },
    functionHeader: 'const ICON = this.icon, URL = this.url;',
  }),
  {
    icon(name: string) {
      if (!isIcon(name)) throw new Error(`lucide has no icon "${name}".`);
      return '<svg></svg>';
    },
    url: (path: string) => path,
  },
);

type Drawn = { problem: null; html: string } | { problem: string };

function draw<Shown extends ShownControl>(
  { view, data }: KindView<Shown>,
  shown: Shown,
  given: object,
): Drawn {
  const path = fileURLToPath(view);
  let own: unknown;
  try {
    own = data ? data(shown) : {};
  } catch (error) {
    return { problem: `its data fails for the text "${shown.text}": ${messageOf(error)}` };
  }
  if (own instanceof Promise) own.catch(() => undefined);
  if (typeof own !== 'object' || own === null || own instanceof Promise)
    return { problem: 'its data must answer at once, with an object.' };
  try {
    const template = eta.compile(readFileSync(path, 'utf8'), { filepath: path });
    const options = { filepath: path, async: false };
    return {
      problem: null,
      html: template.call(eta, strictViewData({ ...given, data: own }), options),
    };
  } catch (error) {
    const [, line] = /:(\d+)\n/.exec(messageOf(error)) ?? [];
    const why = messageOf((error as Error).cause ?? error).split('\n')[0];
    return { problem: `the template ${path}${line ? `, line ${line}` : ''}: ${why}` };
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
