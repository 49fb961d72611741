/**
 * Every template that is sent, with the type of its data, so that `reply.page` is checked by the
 * compiler. Each noun's data adds its own by declaration merging. A fragment's template begins
 * with an underscore. What templates read of it is checked too, by `scripts/check-templates.ts`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: filled from elsewhere
export interface Pages {}

/** What every template has beside the data that it is given. */
export interface CommonData {
  /** The token of its forms. */
  csrf: string;
  /** The reader's time zone. */
  zone: string;
}
