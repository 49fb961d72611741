import { postSigned } from '../signed-post.ts';
import type { Alert, Channel, Notice } from './contract.ts';
import { type ChannelSettings, pageUrl } from './settings.ts';

/**
 * A POST of JSON to one address, signed as Standard Webhooks says
 * (https://www.standardwebhooks.com): whoever receives it can tell whose it is, when it was sent, and
 * that it has come before.
 */
export function webhookChannel(settings: ChannelSettings): Channel {
  const { BULKHEAD_WEBHOOK_URL = '', BULKHEAD_WEBHOOK_SECRET = '' } = settings;
  return {
    name: 'webhook',
    label: 'Webhook',
    reaches: 'one-place',
    async alert({ alerts: [alert] }) {
      const body = JSON.stringify(alertPayload(alert, settings));
      await postSigned(BULKHEAD_WEBHOOK_URL, BULKHEAD_WEBHOOK_SECRET, alert.id, body);
    },
    async send({ notices: [notice] }) {
      const body = JSON.stringify(payloadOf(notice, settings));
      await postSigned(BULKHEAD_WEBHOOK_URL, BULKHEAD_WEBHOOK_SECRET, notice.id, body);
    },
  };
}

/** What a webhook says. */
function payloadOf(
  { event, at, by, task }: Notice,
  settings: ChannelSettings,
): Readonly<Record<string, unknown>> {
  return {
    type: event,
    timestamp: at.toISOString(),
    data: { by, task, url: pageUrl(settings, `/tasks/${task.id}`) },
  };
}

function alertPayload(
  { finding, title, path, remedy, since, isOver }: Alert,
  settings: ChannelSettings,
): Readonly<Record<string, unknown>> {
  return {
    type: isOver ? 'alert.over' : 'alert.begun',
    timestamp: new Date().toISOString(),
    data: { finding, title, remedy, since: since.toISOString(), url: pageUrl(settings, path) },
  };
}
