import { Transform } from 'node:stream';

/**
 * Prisma's helper reads its JSON line by line, and Node takes two characters for a line's end that
 * any text of a schema may hold: within JSON they can be written otherwise.
 */
export function readWholeLines(): void {
  const whole = new Transform({
    decodeStrings: false,
    transform: (text: string, _encoding, done) =>
      done(null, text.replaceAll('\u2028', '\\u2028').replaceAll('\u2029', '\\u2029')),
  });
  const stdin = process.stdin.setEncoding('utf8').pipe(whole);
  Object.defineProperty(process, 'stdin', { value: stdin, configurable: true });
}
