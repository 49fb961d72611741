const number = new Intl.NumberFormat('en');
const rules = new Intl.PluralRules('en');

export const healthTexts = {
  heading: 'Health',
  intro: 'Whether Bulkhead does what it should, and what to do where it does not.',
  asOf: (at: string) => `As of ${at}.`,
  refresh: 'Look again',
  overview: 'Overview',
  wrong: 'What is wrong',
  nothing: 'Nothing is wrong.',
  notAll: 'Nothing is wrong of what could be looked at.',
  toDo: 'To do:',
  see: 'See',
  looked: 'What was looked at',
  states: { ok: 'In order', unset: 'Not set', wrong: 'Wrong', unknown: 'Not looked at' },
  took: (ms: number) => `${number.format(ms)} ms`,
  findings: (count: number) =>
    `${number.format(count)} ${rules.select(count) === 'one' ? 'finding' : 'findings'}`,
  checks: {
    database: 'Database',
    queue: 'Queue',
    workers: 'Workers',
    settings: 'Settings',
    channels: 'Channels',
  },
};
