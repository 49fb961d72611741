import type { Project } from './project.ts';

/** How long it took somebody, and what they typed, from an empty folder to the first page. */
export function firstPage({ typed, begun }: Project): string {
  const minutes = ((Date.now() - begun) / 60_000).toFixed(1);
  const commands = typed.map((one) =>
    one.replace(/postgresql:\S+/, 'postgresql://…').replace(/ \/\S*\//, ' '),
  );
  return `the first page after ${minutes} minutes and ${typed.length} commands: ${commands.join('; ')}`;
}
