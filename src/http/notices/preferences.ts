import type { Channel } from '../../channels/contract.ts';
import { type Preference, preferredWhens } from '../../channels/preferences.ts';
import { ownProperty } from '../../own-property.ts';
import type { Url } from '../url.ts';
import { preferenceTexts } from './preferences-texts.ts';

/** A day: longer tasks are told of by whoever waits for them. */
const maxSeconds = 86_400;

export interface ChannelChoice {
  label: string;
  name: string;
  whens: readonly { value: Preference['when']; label: string; isChosen: boolean }[];
  secondsName: string;
  /** As it was typed. */
  seconds: string;
  error: string | null;
}

export interface PreferencesData {
  title: string;
  intro: string;
  action: string;
  choices: readonly ChannelChoice[];
  back: { href: string; label: string };
  words: typeof preferenceTexts;
}

interface PreferenceParts {
  url: Url;
  /** Is there a page of notices to go back to? */
  hasBell: boolean;
}

/** A channel with what is chosen of it, or was typed. */
interface Typed {
  channel: Channel;
  when: Preference['when'];
  seconds: string;
}

const whenName = ({ name }: Channel) => `when.${name}`;
const secondsName = ({ name }: Channel) => `seconds.${name}`;

export function preferencesData(
  channels: readonly Channel[],
  preferences: readonly Preference[],
  parts: PreferenceParts,
): PreferencesData {
  const typed = channels.map((channel) => {
    const chosen = preferences.find((one) => one.channel === channel.name);
    const seconds = (chosen?.longerThanMs ?? 0) / 1_000;
    return { channel, when: chosen?.when ?? 'as-ruled', seconds: String(seconds) };
  });
  return typedData(typed, parts);
}

function typedData(typed: readonly Typed[], { url, hasBell }: PreferenceParts): PreferencesData {
  const back = hasBell
    ? { href: url('/tasks/notices'), label: preferenceTexts.notices }
    : { href: url('/tasks'), label: preferenceTexts.tasks };
  return {
    title: preferenceTexts.heading,
    intro: preferenceTexts.intro,
    action: url('/tasks/notices/preferences'),
    choices: typed.map(({ channel, when, seconds }) => ({
      label: channel.label ?? channel.name,
      name: whenName(channel),
      whens: preferredWhens.map((value) => ({
        value,
        label: preferenceTexts.whens[value],
        isChosen: value === when,
      })),
      secondsName: secondsName(channel),
      seconds,
      error:
        secondsIn(seconds) === null ? preferenceTexts.wrong(maxSeconds.toLocaleString('en')) : null,
    })),
    back,
    words: preferenceTexts,
  };
}

/** Reads the form; what cannot be used comes back with it. */
export function parsePreferences(
  channels: readonly Channel[],
  form: Readonly<Record<string, unknown>>,
  parts: PreferenceParts,
): { preferences: Preference[] } | { refused: PreferencesData } {
  const typed = channels.map((channel): Typed => {
    const when =
      preferredWhens.find((one) => one === ownProperty(form, whenName(channel))) ?? 'as-ruled';
    const seconds = ownProperty(form, secondsName(channel));
    return { channel, when, seconds: typeof seconds === 'string' ? seconds.trim() : '' };
  });
  const preferences = typed.flatMap(({ channel: { name }, when, seconds }) => {
    const whole = secondsIn(seconds);
    return whole === null ? [] : [{ channel: name, when, longerThanMs: whole * 1_000 }];
  });
  return preferences.length === typed.length
    ? { preferences }
    : { refused: typedData(typed, parts) };
}

/** Empty is none; null: it cannot be used. */
function secondsIn(text: string): number | null {
  if (!/^\d{0,6}$/.test(text)) return null;
  return Number(text) <= maxSeconds ? Number(text) : null;
}

declare module '../pages.ts' {
  interface Pages {
    'preferences/edit': PreferencesData;
  }
}
