import { randomUUID } from 'node:crypto';
import type { AppError } from '../../errors.ts';
import { keyToUrl } from '../../metadata/keys.ts';
import type { OfferedButton, PressedButton } from '../../tasks/launching/launch-buttons.ts';
import { secretControls } from '../../tasks/launching/secret-controls.ts';
import { type OwnFormControl, ownFormControls } from '../controls/own-form.ts';
import type { Body } from '../form.ts';
import type { Url } from '../url.ts';
import { taskTexts } from './tasks-texts.ts';

/** A button that launches a task of the project's own. */
export interface LaunchButtonData {
  href: string;
  label: string;
  icon: string;
  /** One-time id of the launch; null: it leads to a form. */
  operationId: string | null;
}

export interface LaunchButtonsData {
  buttons: readonly LaunchButtonData[];
}

/** The form of such a button. */
export interface LaunchData {
  title: string;
  action: string;
  operationId: string;
  /** The record that it is about. */
  about: string | null;
  note: string;
  /** What was wrong with more than one control. */
  message: string | null;
  controls: readonly OwnFormControl[];
  submitText: string;
  back: { href: string; label: string };
  isUnsaved: boolean;
}

/** Address of a button's form, and where it is sent. */
export function launchPath(name: string, recordId: string | null): string {
  const query = recordId === null ? '' : `?${new URLSearchParams({ _record: recordId })}`;
  return `/tasks/new/${encodeURIComponent(name)}${query}`;
}

export function launchButtons(
  buttons: readonly OfferedButton[],
  url: Url,
  recordId: string | null = null,
): LaunchButtonData[] {
  return buttons.map(({ definition, label, icon, inputs }) => ({
    href: url(launchPath(definition.name, recordId)),
    label,
    icon,
    operationId: inputs.length === 0 ? randomUUID() : null,
  }));
}

export function launchData(
  pressed: PressedButton,
  {
    isAtOnce,
    recordTitle,
    operationId,
    body,
    error,
    url,
  }: {
    /** Does it run within the request that launches it? */
    isAtOnce: boolean;
    recordTitle: string | null;
    operationId: string;
    body: Body;
    error: AppError | null;
    url: Url;
  },
): LaunchData {
  const { definition, label, inputs, reader } = pressed;
  const errors = error?.details.fieldErrors ?? {};
  const isAllShown = Object.keys(errors).every((name) => inputs.some((one) => one.name === name));
  const isShown = Object.keys(errors).length > 0 && isAllShown;
  return {
    title: label,
    action: url(launchPath(definition.name, recordIdOf(pressed))),
    operationId,
    about: recordTitle,
    note: isAtOnce ? taskTexts.own.launchNoteAtOnce : taskTexts.own.launchNote,
    message: error === null ? null : isShown ? taskTexts.own.attention : error.message,
    controls: ownFormControls(inputs, {
      reader,
      body: without(body, secretControls(definition)),
      errors,
      idPrefix: 'launch-',
    }),
    submitText: taskTexts.own.launch,
    back: { href: url(placePath(pressed)), label: taskTexts.own.dismiss },
    isUnsaved: error !== null,
  };
}

function without(body: Body, names: readonly string[]): Body {
  return Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));
}

function recordIdOf({ resource, key }: PressedButton): string | null {
  return resource && key !== null ? keyToUrl(resource.model, key) : null;
}

/** Where the button stands. */
function placePath({ resource, key }: PressedButton): string {
  if (!resource) return '/tasks';
  const path = `/${resource.slug}`;
  return key === null ? path : `${path}/${encodeURIComponent(keyToUrl(resource.model, key))}`;
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/launch': LaunchData;
  }
}
