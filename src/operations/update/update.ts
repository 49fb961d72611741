import type { Principal } from '../../auth/principal.ts';
import { AppError } from '../../errors.ts';
import { textsOf } from '../../form-texts.ts';
import type { Resource, ResourceField } from '../../resources/contract.ts';
import { hasResource, relatedTitles, relationTarget } from '../../selection/related.ts';
import type { ApplyCounts, CheckContext, Operation } from '../contract.ts';
import type { Controls } from '../edits/contract.ts';
import { editsFor, getEdit } from '../edits/edits.ts';
import { type FieldEdit, relatedIds, type UpdateParameters } from '../field-edit.ts';
import { sumOf } from '../in-halves.ts';
import { journal } from '../journal-kind.ts';
import { refuseKeptBack } from '../refusals/kept-back.ts';
import { editWords } from '../words.ts';
import { changePath } from '../write-path.ts';
import { bodyOfEdits } from './given-edits.ts';
import { updatePerRecord } from './update-per-record.ts';
import { breakingStatement, heldUpdate, updateStatement } from './update-sql.ts';
import { settleUpdate, writeSet } from './write-set.ts';

/** Changes chosen fields. Fields that were not chosen are not written. */
export const updateOperation: Operation<UpdateParameters> = {
  kind: 'update',
  offer: {
    path: 'bulk-edit',
    icon: 'pencil',
    tone: 'primary',
    view: 'bulk/edit',
    isAcknowledged: false,
    on: ['selection'],
  },
  words: editWords,
  action: 'bulk-update',
  writes: journal.changed,
  writePath: changePath,
  parse: parseEdits,
  bodyOf: bodyOfEdits,
  edits: ({ changes: edits }) => edits,
  digestFields: ({ changes: edits }) => digestFields(edits),
  isAlwaysPreviewed: ({ changes: edits }) =>
    edits.some(({ change }) => getEdit(change).isAlwaysPreviewed === true),
  mayChange: mayChangeFields,
  check: checkEdits,
  title: (resource) => `Edit ${resource.label.toLowerCase()}`,
  describe: (resource, { changes: edits }) => edits.map((change) => describeEdit(resource, change)),
  statement: (target, keys, { changes: edits }) =>
    target.through ? null : updateStatement(target, keys, edits),
  suspects: ({ resource }, keys, { changes: edits }, checks) =>
    breakingStatement(resource, keys, edits, checks),
  held: (...asked) => updating().held?.(...asked) ?? null,
  apply: (...asked) => updating().apply(...asked),
  prepared: async () => ({ ...updateOperation, ...updating() }),
  settle: (client, target, left, { changes: edits }) => settleUpdate(client, target, left, edits),
};

/**
 * Learns from set to set whether records are as they would become: where some are, the statement
 * that writes counts them too; where none is, planning to count them would cost every set more than
 * it saves.
 */
function updating(): Pick<Operation<UpdateParameters>, 'apply' | 'held'> {
  let countsSame: boolean | null = null;
  return {
    held: (target, keys, { changes: edits }) => {
      countsSame ??= mayBeSame(edits);
      return target.through ? null : heldUpdate(target, keys, edits, { countsSame });
    },
    async apply(client, target, keys, { changes: edits }): Promise<ApplyCounts> {
      if (target.through) return updatePerRecord(client, target, target.through, keys, edits);
      countsSame ??= mayBeSame(edits);
      const { changed, unchanged, left, putBack } = await writeSet(client, target, keys, edits, {
        countsSame,
      });
      refuseKeptBack(putBack);
      const written: ApplyCounts = { changed, unchanged, gone: 0 };
      const all =
        left.length === 0
          ? written
          : sumOf(written, await settleUpdate(client, target, left, edits));
      countsSame = all.unchanged > 0;
      return all;
    },
  };
}

function mayBeSame(edits: readonly FieldEdit[]): boolean {
  return !edits.every(({ change }) => getEdit(change).isConstant);
}

function parseEdits(resource: Resource, body: Record<string, unknown>): UpdateParameters {
  const chosen = textsOf(body.field);
  const fieldErrors: Record<string, string> = {};
  const edits: FieldEdit[] = [];
  for (const name of new Set(chosen)) {
    const field = resource.bulkFields.find((candidate) => candidate.name === name);
    if (!field) {
      throw new AppError(
        'invalid-operation',
        422,
        `There is no field "${name}" that can be changed in bulk.`,
        { fieldErrors: {} },
      );
    }
    const isTwice = chosen.filter((other) => other === name).length > 1;
    const change = isTwice
      ? { error: `${field.label} is chosen twice.` }
      : parseEdit(resource, field, body);
    if ('error' in change) fieldErrors[name] = change.error;
    else edits.push(change);
  }
  if (Object.keys(fieldErrors).length > 0) {
    throw new AppError(
      'invalid-operation',
      422,
      'Some values need attention. Nothing was changed.',
      { fieldErrors },
    );
  }
  if (edits.length === 0) {
    throw new AppError('invalid-operation', 422, 'Tick at least one field to change.', {
      fieldErrors: {},
    });
  }
  return { changes: edits };
}

function parseEdit(
  resource: Resource,
  field: ResourceField,
  body: Record<string, unknown>,
): FieldEdit | { error: string } {
  const offered = editsFor(field, resource);
  // Without JavaScript a picker of several records has a control of its own for ids that are typed.
  const controls: Controls = (control) => [
    ...textsOf(body[`${control}.${field.name}`]),
    ...textsOf(body[`_add.${control}.${field.name}`]).flatMap((text) =>
      text.startsWith('[') ? [text] : text.split(',').map((id) => id.trim()),
    ),
  ];
  const wanted = controls('change').at(-1) ?? '';
  const change = wanted === '' ? offered[0] : offered.find(({ name }) => name === wanted);
  if (!change) return { error: `${field.label} cannot be changed in this way.` };
  const parsed = change.parse(controls, field, resource);
  return 'error' in parsed
    ? parsed
    : { field: field.meta.name, change: change.name, value: parsed.value };
}

/** Expressions are shown to PostgreSQL; related records must be ones that the principal may see. */
async function checkEdits(
  { client, registry, resource, principal }: CheckContext,
  { changes: edits }: UpdateParameters,
): Promise<void> {
  const fieldErrors: Record<string, string> = {};
  for (const change of edits) {
    const field = resource.bulkFields.find(({ meta }) => meta.name === change.field);
    if (!field)
      throw new AppError(
        'forbidden',
        403,
        `You may not change “${change.field}” of ${resource.label.toLowerCase()}.`,
      );
    const wrong =
      (await getEdit(change.change).check?.(change.value, client, field)) ??
      cutsUnseen(change, field) ??
      (await findUnreachable(change, field));
    if (wrong) fieldErrors[field.name] = wrong;
  }
  if (Object.keys(fieldErrors).length > 0) {
    throw new AppError(
      'invalid-operation',
      422,
      'Some values need attention. Nothing was changed.',
      { fieldErrors },
    );
  }

  /**
   * Putting other links in place of all would also cut those to records that this principal does
   * not know of.
   */
  function cutsUnseen({ change }: FieldEdit, field: ResourceField): string | null {
    if (field.relation?.kind !== 'many-to-many' || !['replace', 'clear'].includes(change))
      return null;
    const scope = relationTarget(resource, field)?.resource.scope(principal) ?? null;
    return (
      scope &&
      `${field.label} may also lead to records that are not yours to see: add and remove them one by one.`
    );
  }

  async function findUnreachable(change: FieldEdit, field: ResourceField): Promise<string | null> {
    const ids = relatedIds(field, change);
    const target = relationTarget(resource, field);
    // A model without a resource has no scope: the database says which of its records exist.
    if (ids.length === 0 || (!target && !hasResource(registry, field))) return null;
    const seen = target
      ? await relatedTitles(registry, target, principal, ids)
      : new Map<string, string>();
    return seen.size === new Set(ids).size
      ? null
      : `${field.label} leads to a record that does not exist, or that is not yours to choose.`;
  }
}

/** A copy reads another field, which must be one that may be seen. */
function mayChangeFields(
  resource: Resource,
  _principal: Principal,
  { changes: edits }: UpdateParameters,
): boolean {
  const isSeen = (name: unknown) => resource.fields.some(({ meta }) => meta.name === name);
  return edits.every(
    ({ field, change, value }) =>
      resource.bulkFields.some(({ meta }) => meta.name === field) &&
      (change !== 'copy' || isSeen(value)),
  );
}

/** Names of the fields whose values decide what the edits come to. */
export function digestFields(edits: readonly FieldEdit[]): string[] {
  return edits.flatMap(({ field, change, value }) =>
    change === 'copy' ? [field, String(value)] : [field],
  );
}

function describeEdit(resource: Resource, { field: name, change, value }: FieldEdit): string {
  const field = resource.fields.find((candidate) => candidate.meta.name === name);
  return field ? `${field.label}: ${getEdit(change).describe(value, field, resource)}` : name;
}
