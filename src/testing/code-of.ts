const skipped =
  /\/\/.*|\/\*[\s\S]*?\*\/|'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*"|(?<=[(,=:[!&|?{};+>]\s*|\breturn\s+)\/(?:[^/\\\n[]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const templateText = /(?:[^`\\$]|\\[\s\S]|\$(?!\{))*(?:`|\$\{|$)/y;

/**
 * A source without its comments, strings, templates and regular expressions; the code within `${}`
 * stays.
 */
export function codeOf(source: string): string {
  /** For each `${` that is open, the braces that are open in it. */
  const braces: number[] = [];
  let code = '';
  let at = 0;
  const skip = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0] ?? '';
    at += text.length;
    return text;
  };
  const skipTemplateText = (): void => {
    if (skip(templateText).endsWith('${')) braces.push(0);
    code += ' ';
  };
  while (at < source.length) {
    if (skip(skipped) !== '') {
      code += ' ';
      continue;
    }
    const sign = source[at++] as string;
    const depth = braces.at(-1);
    if (sign === '`') skipTemplateText();
    else if (sign === '}' && depth === 0) {
      braces.pop();
      skipTemplateText();
    } else {
      if (depth !== undefined && (sign === '{' || sign === '}'))
        braces[braces.length - 1] = depth + (sign === '{' ? 1 : -1);
      code += sign;
    }
  }
  return code;
}
