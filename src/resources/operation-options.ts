import type { Principal } from '../auth/principal.ts';
import type { FormInputs, FormValues } from './form-inputs.ts';
import type { TransactionClient } from './hooks.ts';
import type { AnyModel, ModelTypes } from './model-types.ts';
import type { WriteCalls } from './write-calls.ts';

/** What a record is refused with, in words. Made by the `refuse` that `each` is given. */
export class Refused {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

/** What `change` is told. */
export interface ChangeContext<F extends FormInputs = FormInputs> {
  /** When the operation was begun; the same for every record. */
  readonly now: Date;
  /** What was typed into its form. */
  readonly params: FormValues<F>;
}

/** What `refuse` is told beside the record. */
export interface RefuseContext<F extends FormInputs = FormInputs> {
  /** What was typed into its form. */
  readonly params: FormValues<F>;
}

/** What `each` is told of one record, and what it may do with others. */
export interface EachContext<T extends ModelTypes = AnyModel, F extends FormInputs = FormInputs>
  extends WriteCalls {
  /** As the database has it, locked. */
  readonly record: T['record'];
  readonly params: FormValues<F>;
  readonly principal: Principal;
  /** The task that runs it. */
  readonly taskId: number | null;
  /**
   * Your client inside this very transaction. What it writes comes and goes with the record. Use no
   * other.
   */
  readonly tx: TransactionClient;
  /** Return what it makes, and the record stays as it is, with these words as the reason. */
  refuse(why: string): Refused;
}

// biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing is the usual case
type RefusalReason = string | null | undefined | void;

/** What `each` returns: values to write, a refusal, or nothing. */
export type EachResult<T extends ModelTypes = AnyModel> =
  | Partial<T['record']>
  | Refused
  | null
  | undefined
  // biome-ignore lint/suspicious/noConfusingVoidType: what writes by `tx` alone returns nothing
  | void;

/** What is said of an operation whatever its records are. */
export interface OperationBasics {
  /** In addresses and tasks: small letters, digits, hyphens. */
  name: string;
  /** On its button, as a verb: `Archive`, `Send a reminder…`. */
  label: string;
  /** Of lucide's, by name: `archive`. */
  icon: string;
  /** Where it is offered. Default: on a selection. */
  on?: readonly ('selection' | 'record')[];
  /** Who may, of those who may change (or delete) in bulk at all. Default: all of them. */
  allowed?: (principal: Principal) => boolean;
  /** They are deleted, with what goes along. */
  deletes?: true;
  /** `images`: from what the records held before. `none`: it is not offered. Default: `images`. */
  undo?: 'images' | 'none';
}

/**
 * What a developer writes about an operation. What is done to a record is one of three: `change`
 * gives the same values to all, in one statement for many records; `each` is code for one record
 * after another; `deletes` deletes them.
 */
export interface OperationOptions<
  T extends ModelTypes = AnyModel,
  F extends FormInputs = FormInputs,
  N extends keyof T['record'] = keyof T['record'],
  C extends Partial<T['record']> = Partial<T['record']>,
  E extends EachResult<T> = EachResult<T>,
> extends OperationBasics {
  /** Controls that are filled in before it begins. */
  form?: F;
  /** Fields that `refuse` reads; no other is loaded. */
  needs?: readonly N[];
  /** Why a record is to stay as it is, in words; asked by the preview too. */
  refuse?: (
    record: Pick<T['record'], N>,
    context: RefuseContext<F>,
  ) => RefusalReason | Promise<RefusalReason>;
  /** Values that every record is given. */
  change?: (context: ChangeContext<F>) => C;
  /** Does it to one record; what it returns is written to that. A preview does not call it. */
  each?: (context: EachContext<T, F>) => E | Promise<E>;
}
