import { createTransport } from 'nodemailer';
import type { Channel, Dispatch } from './contract.ts';
import { alertMail, type MailContent, mailOf } from './mail.ts';
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
    alert: (dispatch) => sendMail(alertMail(dispatch, settings), dispatch.alerts[0].id, dispatch),
    send: (dispatch) => sendMail(mailOf(dispatch, settings), dispatch.notices[0].id, dispatch),
  };

  async function sendMail(
    content: MailContent,
    id: string,
    { person, address }: Pick<Dispatch, 'person' | 'address'>,
  ): Promise<void> {
    await transport.sendMail({
      ...content,
      from: BULKHEAD_MAIL_FROM ?? '',
      // An address and nothing else: what stands in it is not read as a list of several.
      to: { name: person?.name ?? '', address: address ?? '' },
      // The same where it is sent twice, so that whoever sorts mails shows it once.
      messageId: `<${id}@${new URL(BULKHEAD_BASE_URL).hostname}>`,
      headers: { 'Auto-Submitted': 'auto-generated' },
    });
  }
}
