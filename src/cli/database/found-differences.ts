import { blocksOf, textAttribute } from '../../metadata/schema-text.ts';
import { columnOf, type PulledBlock, parsePulled } from './pulled-text.ts';

interface Part {
  kind: 'table' | 'view' | 'enum';
  name: string;
  /** Columns or values, each with what is said of it. */
  lines: ReadonlyMap<string, string>;
  /** All else: keys and relations. */
  rest: string;
}

/** What has changed between two starts, a sentence's part each. */
export function foundDifferences(before: string, now: string): string[] {
  const [old, current] = [partsOf(before), partsOf(now)];
  const texts: string[] = [];
  for (const [place, part] of current) {
    const was = old.get(place);
    if (!was) texts.push(`${part.kind} ${part.name} is new`);
    else texts.push(...partDifferences(was, part));
  }
  for (const [place, { kind, name }] of old)
    if (!current.has(place)) texts.push(`${kind} ${name} is gone`);
  return texts;
}

function partDifferences(was: Part, { kind, name, lines, rest }: Part): string[] {
  const what = kind === 'enum' ? 'value' : 'column';
  const more = [...lines.keys()].filter((line) => !was.lines.has(line)).length;
  const fewer = [...was.lines.keys()].filter((line) => !lines.has(line)).length;
  const other = [...lines].filter(
    ([line, text]) => was.lines.has(line) && was.lines.get(line) !== text,
  );
  const texts = [
    counted(more, what, `more in ${name}`),
    counted(fewer, what, `fewer in ${name}`),
    counted(other.length, what, `of ${name} ${other.length === 1 ? 'is' : 'are'} of another kind`),
  ].flatMap((text) => text ?? []);
  return texts.length === 0 && was.rest !== rest
    ? [`keys or relations of ${name} have changed`]
    : texts;
}

function counted(count: number, what: string, where: string): string | null {
  return count === 0 ? null : `${count} ${what}${count === 1 ? '' : 's'} ${where}`;
}

function partsOf(text: string): Map<string, Part> {
  const parts = new Map<string, Part>();
  for (const block of blocksOf(text)) {
    if (block.kind !== 'model' && block.kind !== 'view' && block.kind !== 'enum') continue;
    const [parsed] = parsePulled(text.slice(block.start, block.end).replace(/^\s*view\b/, 'model'));
    if (!parsed) continue;
    const name = textAttribute(block, '@@map') ?? block.name;
    const kind = block.kind === 'model' ? 'table' : block.kind;
    parts.set(`${kind} ${textAttribute(block, '@@schema')}.${name}`, {
      kind,
      name,
      lines: linesOf(parsed, text),
      rest: JSON.stringify([
        parsed.attributes,
        parsed.fields.filter(({ rest }) => rest.includes('@relation(')),
      ]),
    });
  }
  return parts;
}

function linesOf({ kind, fields }: PulledBlock, text: string): Map<string, string> {
  const models = new Set(
    blocksOf(text).flatMap((block) => (block.kind === 'enum' ? [] : [block.name])),
  );
  return new Map(
    fields
      .filter(({ type }) => kind === 'enum' || !models.has(type.replace(/\[\]|\?/g, '')))
      .map((field) => [columnOf(field), `${field.type} ${field.rest}`]),
  );
}
