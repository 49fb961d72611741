import type { Config } from '../config.ts';

/** What Bulkhead's own channels are set up with, by the environment variable that says each. */
export type ChannelSettings = Pick<
  Config,
  | 'BULKHEAD_SMTP_URL'
  | 'BULKHEAD_MAIL_FROM'
  | 'BULKHEAD_WEBHOOK_URL'
  | 'BULKHEAD_WEBHOOK_SECRET'
  | 'BULKHEAD_BASE_URL'
  | 'BULKHEAD_PREFIX'
> & {
  /** Of the admin, by which its mails are known. */
  readonly name: string;
};

/** Address of a page of ours for somebody who is not on one; null: where we are is not known. */
export function pageUrl(
  { BULKHEAD_BASE_URL, BULKHEAD_PREFIX }: ChannelSettings,
  path: string,
): string | null {
  return BULKHEAD_BASE_URL === undefined ? null : `${BULKHEAD_BASE_URL}${BULKHEAD_PREFIX}${path}`;
}
