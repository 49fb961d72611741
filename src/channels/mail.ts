import { channelTexts } from './channel-texts.ts';
import type { Alert, AlertDispatch, Dispatch, Notice } from './contract.ts';
import { type ChannelSettings, pageUrl } from './settings.ts';

/** Of more at once the first are named. */
const maxNamed = 20;

/** A mail in words, as text and as HTML, with one link. */
export interface MailContent {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

export function mailOf({ notices }: Dispatch, settings: ChannelSettings): MailContent {
  const { name } = settings;
  const [first] = notices;
  const isOne = notices.length === 1;
  const heading = isOne ? channelTexts.one(first) : channelTexts.many(notices.length);
  const lead = isOne ? channelTexts.detail(first) : channelTexts.manyOf(notices);
  const lines = isOne ? [] : linesOf(notices);
  const label = isOne ? channelTexts.open : channelTexts.openAll;
  const href = pageUrl(settings, isOne ? `/tasks/${first.task.id}` : '/tasks') ?? '';
  return written(name, { heading, lead, lines, label, href, why: channelTexts.why(name) });
}

/** The same of alerts. */
export function alertMail({ alerts }: AlertDispatch, settings: ChannelSettings): MailContent {
  const { name } = settings;
  const [first] = alerts;
  const isOne = alerts.length === 1;
  return written(name, {
    heading: isOne ? channelTexts.alert(first) : channelTexts.alerts(alerts.length),
    lead: isOne ? channelTexts.toDo(first) : '',
    lines: isOne ? [] : alerts.slice(0, maxNamed).map(lineOf),
    label: channelTexts.openOverview,
    href: pageUrl(settings, isOne ? first.path : '/tasks/overview') ?? '',
    why: channelTexts.whyAlert(name),
  });
}

function lineOf(alert: Alert): string {
  return [channelTexts.alert(alert), channelTexts.toDo(alert)].join(' ').trimEnd();
}

interface MailParts {
  heading: string;
  lead: string;
  lines: readonly string[];
  label: string;
  href: string;
  why: string;
}

function written(name: string, { heading, lead, lines, label, href, why }: MailParts): MailContent {
  const paragraphs = [heading, lead].filter((text) => text !== '');
  return {
    subject: channelTexts.subject(name, heading),
    text: [
      ...paragraphs,
      ...(lines.length > 0 ? [lines.map((line) => `- ${line}`).join('\n')] : []),
      `${label}: ${href}`,
      why,
    ].join('\n\n'),
    html: [
      '<!doctype html><html lang="en"><body style="font-family: sans-serif; line-height: 1.5">',
      ...paragraphs.map(
        (text, at) => `<p>${at === 0 ? `<b>${escaped(text)}</b>` : escaped(text)}</p>`,
      ),
      ...(lines.length > 0
        ? [`<ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join('')}</ul>`]
        : []),
      `<p><a href="${escaped(href)}">${escaped(label)}</a></p>`,
      `<p style="color: #666; font-size: small">${escaped(why)}</p>`,
      '</body></html>',
    ].join('\n'),
  };
}

function linesOf(notices: readonly Notice[]): string[] {
  const named = notices.slice(0, maxNamed).map(channelTexts.one);
  const more = notices.length - named.length;
  return more > 0 ? [...named, channelTexts.more(more)] : named;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => entities[sign] ?? sign);
}
