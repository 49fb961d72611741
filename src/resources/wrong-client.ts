import { commandLine } from '../command-line.ts';
import { AppError } from '../errors.ts';

/** The start is refused, since the project's client cannot be worked with. */
export function wrongClient(what: string): AppError {
  const text = `The admin cannot be started: its createClient ${what}`;
  return new AppError('wrong-client', 500, text.endsWith('?') ? text : `${text}.`);
}

/** Oldest Prisma whose clients run over our pools. */
const oldestPrisma = [6, 16] as const;

/** What a project may do whose own client cannot: nothing of its own code is changed by it. */
const ourOwnClient = () =>
  `have one made that can, with ${commandLine('generate', '--schema PATH')}, and import PrismaClient from generated/own (bulk changes are SQL then, without extensions of your own client)`;

/** Of Prisma, as a client says of itself: `7.10.0`. */
export function versionOf(client: unknown): string | null {
  const version = (client as { _clientVersion?: unknown } | null)?._clientVersion;
  return typeof version === 'string' ? version : null;
}

/** `6.19.3` as 6 and 19. */
export function numbersOf(version: string): [major: number, minor: number] {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return [major, minor];
}

/** Why a client cannot run over our pools. */
export function whyNot(client: unknown): string | null {
  const version = versionOf(client);
  if (version === null) return null;
  const [major, minor] = numbersOf(version);
  const [oldestMajor, oldestMinor] = oldestPrisma;
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor))
    return tooOld(`of Prisma ${version}`);
  const engine = (client as { _engine?: { name?: unknown } } | null)?._engine?.name;
  if (engine === 'ClientEngine' || typeof engine !== 'string') return null;
  return `makes a client whose queries an engine of its own runs: say engineType = "client" in its generator and generate it again, or ${ourOwnClient()}`;
}

export function tooOld(which: string): string {
  return `makes a client ${which}, which runs over no pool of Bulkhead's: update to Prisma ${oldestPrisma.join('.')} or newer with engineType = "client", or ${ourOwnClient()}`;
}
