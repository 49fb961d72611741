import { defineChannel } from 'bulkhead';

/** Says to the team what has ended; here a table stands for the chat. */
export const chat = defineChannel({
  name: 'chat',
  label: 'Team chat',
  reaches: 'one-place',
  async send({ notices }, { client }) {
    const data = notices.map(({ task }) => ({ text: `${task.title}: ${task.state}` }));
    await client.message.createMany({ data });
  },
});
