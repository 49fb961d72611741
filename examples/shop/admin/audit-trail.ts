import { definePage, definePlugin, type Plugin } from 'bulkhead';

const shownLines = 50;

/** Writes down what has ended, and shows it on a page: a plugin for any admin with a table for it. */
export function auditTrail({ group }: { group: string }): Plugin {
  const page = definePage({
    path: '/trail',
    label: 'Trail',
    icon: 'footprints',
    group,
    view: new URL('./trail.eta', import.meta.url),
    load: async ({ client, reader }) => {
      const lines = await client.trail.findMany({ orderBy: { id: 'desc' }, take: shownLines });
      const at = new Intl.DateTimeFormat('en-GB', {
        dateStyle: 'medium',
        timeStyle: 'short',
        timeZone: reader.timeZone,
      });
      return { lines: lines.map((line) => ({ ...line, at: at.format(line.at) })) };
    },
  });
  return definePlugin('audit-trail', (definition) => ({
    ...definition,
    pages: [...(definition.pages ?? []), page],
    taskHooks: [
      ...(definition.taskHooks ?? []),
      {
        name: 'trail',
        on: ['task:succeeded', 'task:partial', 'task:failed', 'task:cancelled'],
        async run({ task: { id, title, state, principal } }, { client }) {
          const data = { taskId: id, who: principal.name, what: `${title}: ${state}` };
          await client.trail.create({ data });
        },
      },
    ],
  }));
}
