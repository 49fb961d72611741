import { createTransport } from 'nodemailer';
import type { Channel } from './contract.ts';
import { mailOf } from './mail.ts';
import type { ChannelSettings } from './settings.ts';

/** A thousand failures in a minute are one mail. */
const gatherMs = 60_000;
const connectMs = 10_000;

/** A mail, to the address that a person has, or that a rule names. */
export function emailChannel(settings: ChannelSettings): Channel {
  const { BULKHEAD_SMTP_URL, BULKHEAD_MAIL_FROM, BULKHEAD_BASE_URL = '' } = settings;
  const transport = createTransport({
    url: BULKHEAD_SMTP_URL ?? '',
    connectionTimeout: connectMs,
    greetingTimeout: connectMs,
    socketTimeout: connectMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    name: 'email',
    label: 'E-mail',
    reaches: 'addresses',
    gatherMs,
    async send(dispatch) {
      const [{ id }] = dispatch.notices;
      await transport.sendMail({
        ...mailOf(dispatch, settings),
        from: BULKHEAD_MAIL_FROM ?? '',
        // An address and nothing else: what stands in it is not read as a list of several.
        to: { name: dispatch.person?.name ?? '', address: dispatch.address ?? '' },
        // The same where it is sent twice, so that whoever sorts mails shows it once.
        messageId: `<${id}@${new URL(BULKHEAD_BASE_URL).hostname}>`,
        headers: { 'Auto-Submitted': 'auto-generated' },
      });
    },
  };
}
