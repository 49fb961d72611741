import type { Principal } from '../auth/principal.ts';
import type { FormInputs, FormValues } from '../resources/form-inputs.ts';

/** Where a button stands: on a record's page, above the list of its resource, or among the tasks. */
export type ButtonPlace = (typeof buttonPlaces)[number];
export const buttonPlaces = ['record', 'list', 'tasks'] as const;

/** What the parameters of a launch are made from. */
export interface Pressed<F extends FormInputs = FormInputs> {
  /** What was typed into the form. */
  readonly form: FormValues<F>;
  readonly principal: Principal;
}

/** The same, and the record on whose page it was pressed. */
export interface PressedOn<F extends FormInputs = FormInputs> extends Pressed<F> {
  /** Its id, as addresses have it. */
  readonly key: string;
  /** As the database has it. */
  readonly record: Readonly<Record<string, unknown>>;
}

interface AnyButton<F extends FormInputs> {
  /** Who sees it and may press it, of those who may launch the task at all. */
  readonly allowed: (principal: Principal) => boolean;
  /** As a verb: `Recount`, `Send a reminder…`. Default: the title where that is a text, or the name. */
  readonly label?: string;
  /** Of lucide's, by name. Default: `play`. */
  readonly icon?: string;
  /** Controls that are filled in first, made by `t`. Default: none; pressed, it launches. */
  readonly form?: F;
}

interface RecordButton<P, F extends FormInputs> extends AnyButton<F> {
  readonly on: 'record';
  /** Slug of the resource. */
  readonly resource: string;
  readonly params: (pressed: PressedOn<F>) => P;
  /**
   * Values that the record is given as it is launched, in the same transaction: in the scope of
   * whoever presses, who must be allowed to change it, where no task holds it, kept in its history.
   */
  readonly set?: Readonly<Record<string, unknown>>;
}

interface PageButton<P, F extends FormInputs> extends AnyButton<F> {
  /** Default: `params` are what was typed, days as `2026-01-31`. */
  readonly params?: (pressed: Pressed<F>) => P;
}

interface ListButton<P, F extends FormInputs> extends PageButton<P, F> {
  readonly on: 'list';
  /** Slug of the resource. */
  readonly resource: string;
}

interface TasksButton<P, F extends FormInputs> extends PageButton<P, F> {
  /** Default: among the tasks. */
  readonly on?: 'tasks';
}

/** A button with which people launch a task. `P` is what it is launched with. */
export type LaunchButton<P = unknown, F extends FormInputs = FormInputs> =
  | RecordButton<P, F>
  | ListButton<P, F>
  | TasksButton<P, F>;
