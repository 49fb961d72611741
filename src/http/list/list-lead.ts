import type { Resource } from '../../resources/contract.ts';

const texts = {
  foreign: (server: string) =>
    `These records are on the server “${server}” and are only looked at here, since no commit spans two servers.`,
  heirs:
    'Other tables inherit from this one, and their records are listed too. One whose id is there twice is not changed here.',
};

/** Lines under the heading of a list: what the database says about the table, and where it is. */
export function leadOf(resource: Resource): string[] {
  const { comment, hasHeirs } = resource.model;
  return [comment, foreignNote(resource), hasHeirs ? texts.heirs : null].flatMap(
    (text) => text ?? [],
  );
}

/** Why the records of a foreign table are only looked at. */
export function foreignNote({ model }: Resource): string | null {
  return model.foreignServer === undefined ? null : texts.foreign(model.foreignServer);
}
