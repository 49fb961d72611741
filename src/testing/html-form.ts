const entities: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  nbsp: '\u00a0',
};

export function plain(html: string): string {
  return html.replace(
    /&(amp|lt|gt|quot|#39|nbsp);/g,
    (_, name: string) => entities[name] as string,
  );
}

function attribute(tag: string, name: string): string | null {
  const match = new RegExp(`\\s${name}(?:="([^"]*)")?(?=[\\s>/])`).exec(tag);
  return match ? plain(match[1] ?? '') : null;
}

const holds: Record<string, RegExp> = {
  date: /^\d{4}-\d{2}-\d{2}$/,
  time: /^\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?$/,
  'datetime-local': /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?$/,
};

/**
 * A control that cannot hold its value is shown empty, and sends that; of a time it sends no zeros
 * at the end, and of one line no ends.
 */
function held(type: string | null, value: string): string {
  if (type === 'hidden' || type === 'checkbox' || type === 'radio') return value;
  if (!(holds[type ?? '']?.test(value) ?? true)) return '';
  if (type === 'time' || type === 'datetime-local')
    return value.replace(/(:\d{2}:\d{2}\.\d*?)0+$/, '$1').replace(/(:\d{2})(?::00)?\.?$/, '$1');
  return value.replace(/[\r\n]/g, '');
}

/** A page has no lone CR: it is read as a line's end, and sent as CR and LF. */
const asSent = (value: string) => value.replace(/\r\n?|\n/g, '\r\n');

/** What a browser would send of the form with this id, as it is shown. */
export function formOf(html: string, id: string): Record<string, string[]> {
  const form = new RegExp(`<form[^>]*\\sid="${id}"[\\s\\S]*?</form>`).exec(html)?.[0];
  if (!form) throw new Error(`the page has no form "${id}"`);
  return sentOf(form);
}

/** The first form that is sent to such a path: where to exactly, what of it, and what else it may send. */
export function formTo(
  html: string,
  path: RegExp,
): { action: string; values: Record<string, string[]>; controls: ReadonlySet<string> } {
  for (const [form] of html.matchAll(/<form\b[\s\S]*?<\/form>/g)) {
    const action = attribute(/^<[^>]*>/.exec(form)?.[0] ?? '', 'action') ?? '';
    if (!path.test(action)) continue;
    const controls = new Set(
      [...form.matchAll(/\sname="([^"]*)"/g)].map(([, name = '']) => plain(name)),
    );
    return { action, values: sentOf(form), controls };
  }
  throw new Error(`the page has no form to ${path}:\n${html}`);
}

function sentOf(form: string): Record<string, string[]> {
  const pairs: [string, string][] = [];
  const controls =
    /<input\b[^>]*>|<textarea\b[^>]*>[\s\S]*?<\/textarea>|<select\b[^>]*>[\s\S]*?<\/select>/g;
  for (const [control] of form.matchAll(controls)) {
    const tag = /^<[^>]*>/.exec(control)?.[0] ?? '';
    const name = attribute(tag, 'name');
    const type = attribute(tag, 'type');
    if (!name || attribute(tag, 'disabled') !== null) continue;
    if ((type === 'checkbox' || type === 'radio') && attribute(tag, 'checked') === null) continue;
    if (tag.startsWith('<textarea'))
      pairs.push([
        name,
        plain(control.slice(tag.length, -'</textarea>'.length)).replace(/^\n/, ''),
      ]);
    else if (tag.startsWith('<select')) pairs.push([name, chosenOf(control)]);
    else pairs.push([name, held(type, attribute(tag, 'value') ?? '')]);
  }
  const sent: Record<string, string[]> = Object.create(null);
  for (const [name, value] of pairs) sent[name] = [...(sent[name] ?? []), asSent(value)];
  return sent;
}

function chosenOf(select: string): string {
  const options = [...select.matchAll(/<option\b[^>]*>/g)].map(([tag]) => tag);
  const chosen = options.find((tag) => attribute(tag, 'selected') !== null) ?? options[0];
  return chosen ? (attribute(chosen, 'value') ?? '') : '';
}
