import { isSystem } from '../../auth/system-principal.ts';
import { AppError } from '../../errors.ts';
import { fieldOf } from '../../metadata/model-fields.ts';
import type { Resource } from '../../resources/contract.ts';
import type { OperationDefinition } from '../../resources/define-operation.ts';
import type { OperationOptions } from '../../resources/operation-options.ts';
import type { ApplyCounts, Operation } from '../contract.ts';
import { deleteOperation } from '../delete/delete.ts';
import { putAwayOperation } from '../delete/put-away.ts';
import type { FieldEdit } from '../field-edit.ts';
import { toText } from '../journal/row-values.ts';
import { updateOperation } from '../update/update.ts';
import { ownWords } from '../words.ts';
import { changePath, type WritePath } from '../write-path.ts';
import { askRefuse } from './ask-refuse.ts';
import { eachRecord } from './each-record.ts';
import {
  bodyOfForm,
  formInWords,
  formValues,
  type OwnFormTexts,
  parseForm,
} from './form-values.ts';
import { givenMistake } from './given-mistake.ts';

/** What a task keeps of an operation of the project's own. */
interface OwnParameters {
  /** What was typed into its form. */
  readonly form: OwnFormTexts;
  /** What it gives to every record, worked out when it was begun. */
  readonly changes: readonly FieldEdit[];
}

const deleting = new WeakMap<OperationDefinition, Operation>();
const puttingAway = new WeakMap<OperationDefinition, Operation>();

/**
 * A project's definition as an operation: built on what edits and deletes already do; `putsAway`:
 * the resource has a hook in place of the delete.
 */
export function ownOperation(definition: OperationDefinition, putsAway = false): Operation {
  const built = putsAway ? puttingAway : deleting;
  const known =
    built.get(definition) ??
    build(definition.options, putsAway ? putAwayOperation : deleteOperation);
  built.set(definition, known);
  return known;
}

function build(options: OperationOptions, deletion: Operation): Operation {
  const {
    name,
    label,
    icon,
    on = ['selection'],
    allowed,
    form = {},
    needs = [],
    each,
    deletes = false,
    undo,
  } = options;
  const inputs = Object.entries(form).map(([control, input]) => input.fieldOf(control));
  const base: Operation = deletes ? deletion : updateOperation;
  const own: Operation<OwnParameters> = {
    kind: name,
    offer: {
      path: `do/${name}`,
      icon,
      tone: deletes ? 'danger' : 'plain',
      view: 'bulk/do',
      isAcknowledged: deletes,
      on,
    },
    words: ownWords(label, base.words),
    action: base.action,
    isAllowed: (principal) => isSystem(principal) || !allowed || allowed(principal),
    inputs,
    writes: base.writes,
    writePath: each ? eachPath : base.writePath,
    ...((each || base.needsClient) && { needsClient: true, firstRows: 50 }),
    ...(base.scopeMove && { scopeMove: (params) => base.scopeMove?.(params) ?? null }),
    ...(undo === 'none' && { isUndoable: false }),
    parse(resource, body) {
      const texts = parseForm(inputs, resource, body);
      return {
        form: texts,
        changes: editsBy(resource, options, formValues(inputs, resource, texts)),
      };
    },
    bodyOf: (resource, values) => bodyOfForm(inputs, resource, values),
    edits: ({ changes }) => changes,
    digestFields: ({ changes }) => [...new Set([...changes.map(({ field }) => field), ...needs])],
    title: (resource) => own.words.heading(resource.label.toLowerCase()),
    describe: (resource, params) => [
      ...formInWords(inputs, resource, params.form),
      ...updateOperation.describe(resource, params),
    ],
    apply: base.apply,
  };
  if (each) return withEach(own, each, options);
  const operation = asked(own, base, options);
  const { prepared } = deletion;
  if (!deletes || !prepared) return operation;
  return {
    ...operation,
    prepared: async (context) => asked(own, await prepared(context, {}), options),
  };
}

/** The operation as its base writes it, of the records that nothing is said against. */
function asked(
  own: Operation<OwnParameters>,
  base: Operation,
  options: OperationOptions,
): Operation {
  const { statement, held, settle, together, firstRows } = base;
  const whole = options.refuse
    ? {}
    : { ...(statement && { statement }), ...(held && { held }), ...(settle && { settle }) };
  return {
    ...own,
    ...whole,
    ...(together && { together }),
    ...(firstRows && { firstRows }),
    async apply(client, target, keys, params: OwnParameters) {
      const { rest, refusals } = await askRefuse(
        client,
        target,
        keys,
        options,
        valuesOf(target.resource, own, params),
      );
      return withRefusals(
        rest.length === 0 ? nothing : await base.apply(client, target, rest, params),
        refusals,
      );
    },
  } as Operation;
}

function withEach(
  own: Operation<OwnParameters>,
  each: NonNullable<OperationOptions['each']>,
  options: OperationOptions,
): Operation {
  const { name, label } = options;
  return {
    ...own,
    async apply(client, target, keys, params: OwnParameters) {
      if (!target.through) throw new Error(`${name} needs the project's client`);
      const values = valuesOf(target.resource, own, params);
      const { rest, refusals } = await askRefuse(client, target, keys, options, values);
      if (rest.length === 0) return withRefusals(nothing, refusals);
      return withRefusals(
        await eachRecord(client, target, target.through, rest, { name, label, each }, values),
        refusals,
      );
    },
  } as Operation;
}

const nothing: ApplyCounts = { changed: 0, unchanged: 0, gone: 0 };

function withRefusals(counts: ApplyCounts, refusals: ApplyCounts['refusals'] = []): ApplyCounts {
  return refusals.length === 0
    ? counts
    : { ...counts, refusals: [...refusals, ...(counts.refusals ?? [])] };
}

function valuesOf(
  resource: Resource,
  { inputs = [] }: Operation<OwnParameters>,
  { form }: OwnParameters,
): Record<string, unknown> {
  return formValues(inputs, resource, form);
}

/**
 * Code for each record is given the project's client, whatever the resource is written through
 * else.
 */
function eachPath({ validate, hooks }: Resource): WritePath {
  return changePath({ writeThrough: 'client', validate, hooks });
}

/**
 * What `change` gives, as edits of single fields. Throws AppError 'invalid-operation' (422) where
 * it refuses, or gives what no record can be given.
 */
function editsBy(
  { model }: Resource,
  { label, change }: Pick<OperationOptions, 'label' | 'change'>,
  params: Record<string, unknown>,
): FieldEdit[] {
  if (!change) return [];
  const given: Record<string, unknown> = change({ now: new Date(), params });
  const wrong = givenMistake(model, given);
  if (wrong !== null) {
    const message = `“${label}” ${wrong} Nothing was changed.`;
    throw new AppError('invalid-operation', 422, message, { fieldErrors: {} });
  }
  return Object.entries(given).map(([name, value]) => {
    const field = fieldOf(model, name);
    const text = toText(field, value);
    if (text === null) return { field: name, change: 'clear', value: null };
    return {
      field: name,
      change: 'set',
      value: field.isList ? (JSON.parse(text) as unknown) : text,
    };
  });
}
