import { formatNumber as number } from '../format.ts';

export const previewTexts = {
  title: (operation: string) => `Preview: ${operation}`,
  counts: {
    selected: 'Selected',
    tried: 'Tried out',
    unchanged: 'Already so',
    refused: 'Refused',
    held: 'Held by a task',
    busy: 'Being edited now',
    missing: 'Gone, or not yours',
    leftOut: 'Left out by you',
  },
  exact: 'Every record was tried out. Nothing was kept.',
  sample: (tried: number, count: number) =>
    `${number(tried)} of ${number(count)} records were tried out, and the figures are of these. Nothing was kept.`,
  untried:
    'Not one record could be tried out within two seconds, so it is not known what would come of them. It can be done in the background, where good ones are kept.',
  sampleBadge: 'Sample',
  refusedHeading: 'Why records are refused',
  refusedCount: (count: number) => `${number(count)}×`,
  moreRecords: (count: number) => `and ${number(count)} more`,
  heldHeading: 'Held by other tasks',
  holder: (who: string, title: string, count: number) =>
    `${who}: “${title}” holds ${number(count)}`,
  notesHeading: 'Worth knowing',
  trigger: (name: string) => `The trigger “${name}” runs for every record.`,
  withoutExtensions:
    'It is written in SQL, so what the project’s Prisma client does beside writing is not done.',
  withoutLocks: (reason: string) =>
    `No records are held meanwhile, and nobody who holds them is asked. ${reason}`,
  expected: (span: string) => `Expected to take about ${span}.`,
  unchangedNote: 'Records that are so already are left alone and not written.',
  keep: 'Included',
  record: 'Record',
  outcome: 'Outcome',
  fates: {
    unchanged: 'Already so',
    refused: 'Refused',
    held: 'Held',
    busy: 'Being edited',
    unknown: 'Not tried',
  },
  leftOutFate: 'Left out',
  keepRecord: (title: string) => `Include ${title}`,
  leaveOut: 'Leave out what is not ticked',
  leaveOutHint: 'Untick what is to stay as it is.',
  firstPage: 'First records',
  nextPage: 'Next records',
  leaveOutRefused: (count: number) =>
    count === 1 ? 'Leave out the refused one' : `Leave out the ${number(count)} refused`,
  wouldRollBack: (count: number) =>
    `All or nothing: ${count === 1 ? 'one record is refused, so none' : `${number(count)} records are refused, so none`} would be changed.`,
  wouldChangeNothing: 'Run now, it would change nothing.',
  inBackground: (submit: string) => `${submit} in the background`,
  upTo: (count: number) => `up to ${number(count)}`,
  ofAll: (changed: number, count: number) => `${number(changed)} of ${number(count)}`,
  empty: 'Nothing is left to do: every record was left out.',
  optionsHeading: 'How to run it',
  background: 'In the background, even if there are few: good ones are kept',
  skipChanged: 'Skip records that somebody changes from now on',
  overlapLegend: 'If another task holds some of the records',
  overlap: { refuse: 'Do nothing', skip: 'Go on without them', wait: 'Wait until it has finished' },
  stopPercent: 'Stop when more than so many per cent are refused',
  stopHint: 'Left empty, the usual rule applies.',
  back: (label: string) => `Back to ${label.toLowerCase()}`,
  change: 'Change the form',
  unsentTicks:
    'Records were ticked or unticked on this page before it was sent. Nothing was changed yet: this is how it would be now.',
  otherTab:
    'Records were left out or taken in again in another tab. Nothing was changed yet: this is how it would be now.',
  started: (id: number, state: string) =>
    `This preview was run: it is task ${id} now (${state.toLowerCase()}). What it found then is not so any more.`,
  alsoIn: 'Nothing was changed yet.',
};
