/** What an error may have of the database's, or of Prisma's. */
interface Parts {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
  readonly constraint?: unknown;
  readonly routine?: unknown;
  readonly generatedMessage?: unknown;
}

const maxDepth = 4;

/**
 * An error as the log has it: what it is, where it was thrown, and what caused it. What PostgreSQL,
 * Prisma and Node put into an error's words of records, of what was typed and of addresses is left
 * out; words of the project's own errors stay.
 */
export function errorText(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return withoutAddresses(String(error));
  const parts = error as Parts;
  const lines = [`${headOf(parts)}: ${errorMessage(error)}`, ...framesOf(parts)];
  if (depth === maxDepth) return lines.join('\n');
  const inner = Array.isArray(parts.errors) ? parts.errors.slice(0, 3) : [];
  if (parts.cause !== undefined) inner.push(parts.cause);
  for (const cause of inner)
    lines.push(`caused by ${errorText(cause, depth + 1)}`.replaceAll('\n', '\n  '));
  return lines.join('\n');
}

/** Its words alone. */
export function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return withoutAddresses(String(error));
  const parts = error as Parts;
  if (isPrisma(parts)) return ofPrisma(parts);
  if (isState(parts.code)) return ofState(parts.code, parts);
  if (parts.generatedMessage === true) return unsaid;
  if (/^FST_/.test(String(parts.code))) return withoutPaths(parts.message);
  return withoutAddresses(ofNode(parts));
}

const unsaid = '(its words may hold values, so they are not said)';

function headOf({ name, code, constraint }: Parts): string {
  const known = [
    typeof code === 'string' || typeof code === 'number' ? String(code) : '',
    typeof constraint === 'string' ? `constraint ${constraint}` : '',
  ].filter(Boolean);
  return known.length > 0 ? `${name} [${known.join(', ')}]` : name;
}

/** Where it was thrown; its words stand before that, on as many lines as they have. */
function framesOf({ stack = '', message }: Parts): string[] {
  const end = message === '' ? 0 : stack.indexOf(message) + message.length;
  return stack
    .slice(Math.max(0, end))
    .split('\n')
    .filter((line) => /^ {4}at /.test(line));
}

/** SQLSTATE, as PostgreSQL's driver gives it and as ours does. */
function isState(code: unknown): code is string {
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code);
}

/** In PostgreSQL's own words, which name tables and constraints and no values. */
const violated =
  /^(duplicate key value violates|null value in column|new row for relation|update or delete on table|insert or update on table|conflicting key value violates)/;
/** Classes whose words are about the server and the statement. */
const plainClasses = /^(0[89ABFLPZ]|2[458BDF]|3[48BDF]|40|42|5[3-8]|72|HV|XX)/;

function ofState(state: string, { message, routine }: Parts): string {
  // Words of a function or a trigger.
  if (routine === 'exec_stmt_raise') return unsaid;
  if (state.startsWith('23')) return violated.test(message) ? withoutAddresses(message) : unsaid;
  if (state.startsWith('22')) return untilValue(message);
  return plainClasses.test(state) ? withoutAddresses(message) : unsaid;
}

/** `invalid input syntax for type integer: "x"`: what comes before the value. */
function untilValue(message: string): string {
  const before = /^[^"':\d\n]*/.exec(message)?.[0].trim() ?? '';
  return before === message ? message : `${before} …`;
}

function isPrisma({ name }: Parts): boolean {
  return /^PrismaClient\w*Error$/.test(name);
}

/** Codes whose words name models and fields, and no values. */
const plainCodes = /^(P1\d{3}|P20(02|03|11|14|21|22|24|25|28|34|37))$/;

function ofPrisma({ name, message, code }: Parts): string {
  const invoked = /Invalid `([^`\n]+)` invocation/.exec(message)?.[1];
  const last = message.trim().split('\n').at(-1) ?? '';
  const isPlain = plainCodes.test(String(code)) || name === 'PrismaClientInitializationError';
  const words = isPlain ? withoutAddresses(last) : unsaid;
  return invoked ? `Invalid ${invoked} invocation: ${words}` : words;
}

/** What the language and Node say of a value that they could not take. */
function ofNode({ name, message }: Parts): string {
  if (
    /\bJSON\b|BigInt|URI malformed/.test(message) &&
    /^(SyntaxError|RangeError|URIError)$/.test(name)
  )
    return unsaid;
  return message.replace(/\bReceived\b[\s\S]*/, 'Received …');
}

/** An address may hold a password, or be one: of each the server alone is said. */
function withoutAddresses(text: string): string {
  return text
    .replace(/\b(https?|smtps?|wss?|redis|postgres(?:ql)?):\/\/[^\s"'`)]+/gi, (address, scheme) => {
      const host = URL.canParse(address) ? new URL(address).host : '';
      return `${scheme}://${host}/…`;
    })
    .replace(/\/\/[^/\s@]*@/g, '//…@');
}

/** Paths of pages hold keys of records, and what was looked for. */
export function withoutPaths(text: string): string {
  return text.replace(/(["\s:])\/(?!\/)[^\s"]*/g, '$1…');
}
