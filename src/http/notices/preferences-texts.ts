import type { Preference } from '../../channels/preferences.ts';

/** Of the page on which people choose how they are told. */
export const preferenceTexts = {
  heading: 'How you are told',
  intro:
    'Of tasks that you launched and that ended in the background. What you choose counts for other tasks of which you would be told too: it can leave them out.',
  notices: 'Notices',
  tasks: 'All tasks',
  whens: {
    'as-ruled': 'As it is set up',
    always: 'Always',
    failures: 'Only of failures',
    never: 'Never',
  } satisfies Record<Preference['when'], string>,
  longer: 'Only of what ran for so many seconds or longer',
  wrong: (max: string) => `A whole number of seconds, from 0 to ${max}.`,
  save: 'Save',
  saved: 'From now on you are told so.',
};
