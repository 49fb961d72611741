import { type Channel, messageChannel } from './contract.ts';

/** A notice on the pages: it is there as soon as it is sent, and a bell counts what is not read. */
export const message: Channel = {
  name: messageChannel,
  label: 'Message on these pages',
  reaches: 'people',
  send: () => undefined,
  alert: () => undefined,
};
