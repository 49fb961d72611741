const kilobyte = 1024;
const megabyte = 1024 * kilobyte;
const form = megabyte;
const text = 16 * megabyte;

/**
 * Bounds on what somebody sends, or makes us keep, read or show, by what they are about.
 * `docs/limits.md` is their table; `src/http/limits.db.test.ts` tries each with as much as may be
 * and with one more. Those of settings are in `settingBounds`.
 */
export const limits = {
  /** What reaches a web process at all. */
  server: {
    connections: 1_000,
    /** Further ones, which are told so; beyond them a connection is ended as it begins. */
    connectionsAnswered: 100,
    headerBytes: 64 * kilobyte,
    /** Characters of an address: the longest filter fits into one, and into the link back to it. */
    addressLength: 16_000,
    /** Longest that a connection is silent, and that a request takes to arrive. */
    silentMs: 60_000,
    /** Longest that what is due in a process waits for it on average, before pages are refused. */
    loopDelayMs: 1_000,
  },
  /** What a request waits for. */
  waiting: {
    /** Statements and transactions that wait for a connection of the pool. */
    forConnection: 500,
    forConnectionMs: 10_000,
    /** Requests that wait for a turn to wait for what somebody else holds, and how long they do. */
    forLock: 100,
    forLockMs: 2_000,
    /** What runs within a request waits for its turn. */
    forInlineMs: 5_000,
  },
  signIn: {
    /**
     * Of one address for one account, and for all of them: an office behind one address signs in
     * slower than a list of passwords is tried.
     */
    attemptsPerMinute: 10,
    addressAttemptsPerMinute: 60,
    /** Addresses whose attempts are counted. */
    watchedAddresses: 5_000,
    /** Failed attempts for an account, after which attempts take turns. */
    freeAttempts: 10,
    attemptEveryMs: 1_000,
    /** A sign-in that would wait longer for its turn is told to come again. */
    maxTurnMs: 5_000,
    failuresKeptMs: 15 * 60_000,
    /** Accounts whose failed attempts are counted; beyond, the oldest are forgotten. */
    watchedAccounts: 10_000,
    emailLength: 254,
    nameLength: 100,
    passwordLength: 200,
    /** Characters of somebody's claims as JSON, which go with each of their requests and tasks. */
    claimsLength: 10_000,
    /** Of what a browser says of itself; the rest is not kept. */
    browserLength: 300,
  },
  form: {
    /**
     * A selection is kept on the server and long texts have a page of their own, so no form of ours
     * is large.
     */
    bytes: form,
    /**
     * The longest text that a page edits, and the form that it makes: a byte takes up to three
     * there.
     */
    textBytes: text,
    textFormBytes: 3 * text + form,
    /**
     * One that is kept in a sign-in page: sealed, it takes a third more, and a letter beyond ASCII
     * six bytes for one of two.
     */
    sealedBytes: 4 * form,
    /**
     * Names in one form, which has one for each of a table's columns, of which there are 1,600 at
     * most; and values of one name.
     */
    fields: 2_000,
    values: 5_000,
    /** Values of a list that is typed. */
    listValues: 5_000,
    /** Of JSON: lists and objects in each other. */
    jsonLevels: 500,
  },
  /**
   * Conditions of a filter, levels of groups below the top, values of one condition, characters of
   * a value and of the whole.
   */
  filter: { conditions: 50, depth: 4, values: 200, valueLength: 1_000, length: 8_000 },
  list: {
    rows: 100,
    sortColumns: 8,
    /** Words that are looked for; what is typed beyond them belongs to the last. */
    searchWords: 8,
    pickerLength: 200,
    /** Characters of a place in a list. */
    cursorLength: 10_000,
  },
  bulk: {
    /** Records that are held as ticks, or as exclusions; beyond it there is "all matching". */
    ticked: 10_000,
    /** Records that run within a request, and in one transaction. */
    inline: 10_000,
    atomic: 10_000,
    /** Values that are added to lists, or taken from them. */
    values: 1_000,
    textLength: 10_000,
    expressionLength: 1_000,
    numberLength: 40,
    shift: 100_000,
    decimalPlaces: 15,
    reasonLength: 1_000,
  },
  /** Of one record on its own pages. */
  record: {
    /** Of the longest value that a page or a form holds, and of all of them together. */
    valueBytes: 64 * kilobyte,
    valuesBytes: 256 * kilobyte,
    /** Links that are read: a relation to a million is no list. */
    links: 200,
    /** Records that go along with those of one statement and are kept. */
    cascade: 10_000,
    /** Records that are followed to tell what a delete takes along. */
    followed: 10_000,
  },
  /** What a page shows at a time. */
  shown: {
    cellLength: 100,
    titleLength: 80,
    cellLinks: 10,
    tasks: 25,
    /** Of the audit. */
    entries: 50,
    people: 50,
    /** Sessions of one person; the latest. */
    sessions: 50,
    /** Cells of a task's map of chunks. */
    chunks: 2_000,
    failures: 50,
    undone: 50,
    changes: 25,
    deleted: 50,
    previewed: 20,
    offered: 20,
  },
  /** What a page that is open asks for at once of what moves by itself. */
  live: { bars: 50, rows: 100 },
  /** What a process remembers, whoever asks. */
  remembered: {
    /** Time zones by their spelling: all there are. */
    zones: 1_000,
    /** What the database's planner believes of a statement. */
    estimates: 1_000,
  },
} as const;

/** When whoever was answered 503 is to come again. */
export const retryAfterSeconds = 5;

type Limits = typeof limits;

/** `form.fields` */
export type LimitName = {
  [Group in keyof Limits]: `${Group}.${keyof Limits[Group] & string}`;
}[keyof Limits];

/** Every limit by its name. */
export const limitValues = Object.fromEntries(
  Object.entries(limits).flatMap(([group, own]) =>
    Object.entries(own).map(([name, value]) => [`${group}.${name}`, value]),
  ),
) as Readonly<Record<LimitName, number>>;

/**
 * Lowest and highest of every setting that is a whole number, and of the options of a resource that
 * stand nearer.
 */
export const settingBounds = {
  PORT: [0, 65_535],
  BULKHEAD_PROBE_PORT: [0, 65_535],
  BULKHEAD_QUEUED_WARN_MS: [1_000, 604_800_000],
  BULKHEAD_SESSION_HOURS: [1, 8_760],
  BULKHEAD_SESSION_DAYS: [1, 365],
  BULKHEAD_PAGES_POOL_SIZE: [2, 500],
  BULKHEAD_READ_MAX_LAG_MS: [1_000, 3_600_000],
  BULKHEAD_WORKER_CONCURRENCY: [1, 50],
  BULKHEAD_PLACES: [1, 200],
  BULKHEAD_WORKER_MAX_TASKS: [1, 10_000_000],
  BULKHEAD_WORKER_MAX_MEMORY_MB: [64, 1_048_576],
  BULKHEAD_WORKER_POOL_SIZE: [4, 500],
  BULKHEAD_MIN_ASYNC_RECORDS: [1, limits.bulk.inline],
  BULKHEAD_PARALLELISM: [1, 16],
  BULKHEAD_CHUNK_SIZE: [1, 5_000],
  BULKHEAD_COUNT_LIMIT: [1, 10_000_000],
  BULKHEAD_SLICE_MS: [100, 3_600_000],
  BULKHEAD_CHUNK_TARGET_MS: [1, 10_000],
  BULKHEAD_LOCK_TIMEOUT_MS: [10, 600_000],
  BULKHEAD_TASK_LIMIT_MS: [100, 31 * 24 * 3_600_000],
  BULKHEAD_STATEMENT_TIMEOUT_MS: [100, 3_600_000],
  BULKHEAD_INLINE_MAX_CONCURRENT: [1, 100],
  BULKHEAD_MAX_DEATHS: [1, 100],
  BULKHEAD_MAX_QUEUED: [1, 100_000],
  BULKHEAD_MAX_QUEUED_PER_USER: [1, 100_000],
  BULKHEAD_RECOVERY_INTERVAL_MS: [50, 60_000],
  BULKHEAD_STALE_AFTER_MS: [1_000, 600_000],
  BULKHEAD_UNDO_RETENTION_DAYS: [0, 36_500],
  BULKHEAD_HISTORY_RETENTION_DAYS: [1, 36_500],
  BULKHEAD_HISTORY_RETENTION_COUNT: [1, 10_000_000],
  BULKHEAD_CLEANUP_INTERVAL_MS: [100, 86_400_000],
  BULKHEAD_AUDIT_RETENTION_DAYS: [1, 36_500],
} as const;

/** `a whole number from 1 to 16` */
export const wholeBetween = (low: number, high: number) => `a whole number from ${low} to ${high}`;

const number = new Intl.NumberFormat('en');
const said = (value: number) => number.format(value);

/** What is said where a bound is met. */
export const limitTexts = {
  connections: `This server has more than ${said(limits.server.connections)} connections, which is the most that it serves. Try again in a moment.`,
  headers: `The server takes at most ${said(limits.server.headerBytes / kilobyte)} kB of address and headers. Nothing was done.`,
  silent: `A request takes at most ${said(limits.server.silentMs / 1_000)} seconds to arrive. Nothing was done.`,
  address: `An address has at most ${said(limits.server.addressLength)} characters. Nothing was done.`,
  loop: 'This server has more to do than it gets done. Nothing was done. Try again in a moment.',
  waiting: 'Too many others are waiting for the database. Nothing was done. Try again in a moment.',
  held: 'Others are waiting for records and tasks that are being worked on. Nothing was done. Try again in a moment.',
  inlineTurns:
    'Many changes are being made at once right now, and yours found no turn. Nothing was changed. Try again in a moment.',
  heldSelection:
    'What you selected is being changed elsewhere. Nothing was done. Try again in a moment.',
  heldPreview: 'This preview is being changed elsewhere. Nothing was done. Try again in a moment.',
  formFields: `A form has at most ${said(limits.form.fields)} fields. Nothing was done.`,
  values: (name: string) =>
    `“${name.slice(0, 40)}” has more than ${said(limits.form.values)} values, which is the most that can be sent at a time. Nothing was done.`,
  listValues: (label: string) =>
    `${label} can take at most ${said(limits.form.listValues)} values in a form.`,
  jsonLevels: (label: string) =>
    `${label} is nested too deeply: it may have at most ${said(limits.form.jsonLevels)} levels.`,
  bulkValues: (label: string) =>
    `${label} can take at most ${said(limits.bulk.values)} values at a time.`,
  bulkText: (label: string) =>
    `A text for ${label} may have at most ${said(limits.bulk.textLength)} characters here.`,
  expression: (label: string) =>
    `A regular expression for ${label} may have at most ${said(limits.bulk.expressionLength)} characters.`,
  name: `A name of up to ${said(limits.signIn.nameLength)} characters is needed.`,
  password: `A password has at most ${said(limits.signIn.passwordLength)} characters.`,
  claims: `Claims have at most ${said(limits.signIn.claimsLength)} characters as JSON.`,
  sorts: `A list can be sorted by at most ${said(limits.list.sortColumns)} columns.`,
  ticked: `At most ${said(limits.bulk.ticked)} records can be ticked one by one. Use "Select all matching".`,
  keys: `At most ${said(limits.bulk.ticked)} records can be named by their keys. Give a where or a filter.`,
  leftOut: `At most ${said(limits.bulk.ticked)} records can be left out one by one. Use a filter.`,
  inline: (label: string, withCascade = false) =>
    `At most ${said(limits.bulk.inline)} ${label.toLowerCase()} can be changed at once${withCascade ? ', what goes along with them included' : ''}.`,
  atomic: (label: string) =>
    `At most ${said(limits.bulk.atomic)} ${label.toLowerCase()} can be changed all or nothing. Select fewer. Nothing was changed.`,
  reason: `A reason may have at most ${said(limits.bulk.reasonLength)} characters.`,
  picker: `A search for a record to choose has at most ${said(limits.list.pickerLength)} characters.`,
};
