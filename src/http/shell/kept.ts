import type { KeptForm } from '../kept-form.ts';
import { keptTexts } from './kept-texts.ts';

/** A form that was not taken, to be shown or sent again by its owner. */
export interface KeptData {
  title: string;
  message: string;
  form: KeptFormData;
  scripts: readonly string[];
}

export interface KeptFormData {
  action: string;
  /** It only shows what was typed, so that a script may press the button. */
  isShown: boolean;
  pairs: readonly { name: string; value: string }[];
  submitText: string;
  hint: string;
}

export function keptData(form: KeptForm, message: string, isSignedInAgain = false): KeptData {
  return {
    title: isSignedInAgain ? keptTexts.signedIn : keptTexts.heading,
    message,
    form: keptFormData(form),
    scripts: form.again ? ['kept.js'] : [],
  };
}

/** Without its token: who shows it gives it one. */
export function keptFormData({ action, again, pairs }: KeptForm): KeptFormData {
  const replaced = new Set(['_csrf', ...Object.keys(again ?? {})]);
  const own = pairs
    .filter(([name]) => !replaced.has(name))
    .map(([name, value]) => ({ name, value }));
  const added = Object.entries(again ?? {}).map(([name, value]) => ({ name, value }));
  return {
    action,
    isShown: again !== null,
    pairs: [...own, ...added],
    submitText: again ? keptTexts.show : keptTexts.send,
    hint: again ? keptTexts.showHint : keptTexts.sendHint,
  };
}

declare module '../pages.ts' {
  interface Pages {
    'kept/show': KeptData;
  }
}
