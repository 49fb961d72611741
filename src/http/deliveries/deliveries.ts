import type { DeliveryRecord, NoticeState } from '../../channels/deliveries.ts';
import { formatTimestamp, isoTime } from '../format-span.ts';
import type { Url } from '../url.ts';
import { deliveryTexts } from './deliveries-texts.ts';

export interface DeliveryLine {
  task: { href: string; label: string; title: string };
  channel: string;
  to: string;
  state: { text: string; icon: string; look: 'success' | 'warning' | 'error' | 'neutral' };
  when: { text: string; iso: string };
  notes: readonly string[];
  again: { action: string; label: string; about: string };
}

export interface DeliveriesData {
  title: string;
  intro: string;
  lines: readonly DeliveryLine[];
  emptyText: string;
  back: { href: string; label: string };
  columns: typeof deliveryTexts.columns;
}

const looks: Readonly<Record<NoticeState, Omit<DeliveryLine['state'], 'text'>>> = {
  waiting: { icon: 'clock', look: 'warning' },
  sent: { icon: 'circle-check', look: 'success' },
  dropped: { icon: 'ban', look: 'neutral' },
  'given-up': { icon: 'circle-x', look: 'error' },
};

interface DeliveryParts {
  taskId: number | null;
  now: Date;
  timeZone: string;
  url: Url;
}

export function deliveriesData(
  records: readonly DeliveryRecord[],
  parts: DeliveryParts,
): DeliveriesData {
  const { taskId, url } = parts;
  return {
    title: taskId === null ? deliveryTexts.heading : deliveryTexts.headingOf(taskId),
    intro: deliveryTexts.intro,
    lines: records.map((record) => deliveryLine(record, parts)),
    emptyText: deliveryTexts.none,
    back:
      taskId === null
        ? { href: url('/tasks'), label: deliveryTexts.tasks }
        : { href: url(`/tasks/${taskId}`), label: deliveryTexts.task(taskId) },
    columns: deliveryTexts.columns,
  };
}

function deliveryLine(
  {
    id,
    taskId,
    title,
    channel,
    to,
    state,
    attempts,
    createdAt,
    settledAt,
    dueAt,
    error,
  }: DeliveryRecord,
  { taskId: ofTask, now, timeZone, url }: DeliveryParts,
): DeliveryLine {
  const at = settledAt ?? createdAt;
  const whom = to ?? deliveryTexts.ownPlace;
  const act = state === 'waiting' ? deliveryTexts.now : deliveryTexts.again;
  const isTried = attempts > 1 || (attempts > 0 && state !== 'sent');
  return {
    task:
      taskId === null
        ? { href: url('/tasks/overview'), label: deliveryTexts.alert, title }
        : { href: url(`/tasks/${taskId}`), label: `#${taskId}`, title },
    channel,
    to: whom,
    state: { text: deliveryTexts.states[state], ...looks[state] },
    when: { text: formatTimestamp(at, now, timeZone), iso: isoTime(at) },
    notes: [
      isTried && deliveryTexts.attempts(attempts),
      dueAt && dueAt > now && deliveryTexts.next(formatTimestamp(dueAt, now, timeZone)),
      error,
    ].filter((note) => typeof note === 'string'),
    again: {
      action: url(`/tasks/deliveries/${id}/sending${ofTask === null ? '' : `?task=${ofTask}`}`),
      label: act,
      about: deliveryTexts.about(act, channel, whom, title),
    },
  };
}

declare module '../pages.ts' {
  interface Pages {
    'deliveries/index': DeliveriesData;
  }
}
