import { getFieldKind } from '../fields/field-kinds.ts';
import { utcReader } from '../fields/reader.ts';
import { limits } from '../limits.ts';
import type { FieldMeta } from '../metadata/contract.ts';
import { didYouMean } from '../nearest.ts';
import { type BackendChoice, inlineName } from '../queue/backend.ts';
import { arrange } from './arrange.ts';
import { buildColumns } from './build-columns.ts';
import { checkOperations } from './check-operations.ts';
import { checkOptions } from './check-options.ts';
import type { Resource, ResourceField } from './contract.ts';
import type { ResourceDefinition } from './define-resource.ts';
import { grantsOf, type OnUnreadable } from './grants.ts';
import { guardField, guardOf, guardOperation } from './guard-own-code.ts';
import { guessFilters, guessSearch } from './guess-fields.ts';
import {
  labelOf,
  nameIn,
  pluralOf,
  singularOf,
  slugOf,
  sortFieldOf,
  titleFieldOf,
} from './guesses.ts';
import { askedKindProblems } from './kind-shapes.ts';
import { askedLanding, finishLandings, launchLandings } from './landing.ts';
import type { WriteThrough } from './options.ts';
import { defaultPermissions } from './permissions.ts';
import type { Problems } from './problems.ts';
import { resourceFields } from './resource-fields.ts';

/** What the environment says where a resource says nothing. */
export interface ResourceDefaults {
  /** False: nothing has a background, whatever it says. Default: true. */
  background?: boolean;
  /** Default: none is chosen. */
  backend?: BackendChoice;
  minAsyncRecords: number;
  parallelism: number;
  chunkSize: number;
  writeThrough?: WriteThrough;
  /** Default: 10,000. */
  countLimit?: number;
}

export interface ResourceSurroundings {
  related: Resource['related'];
  onUnreadable: OnUnreadable;
  problems: Problems;
}

/**
 * Completes a definition from metadata and checks what the compiler cannot. Null when there is no
 * such model.
 */
export function buildResource(
  definition: ResourceDefinition,
  defaults: ResourceDefaults,
  { related, onUnreadable, problems }: ResourceSurroundings,
): Resource | null {
  const { metadata, model: name, options } = definition;
  const model = metadata.models[name];
  if (!model) {
    problems.add(
      name,
      'model',
      `the schema has no model of this name.${didYouMean(name, Object.keys(metadata.models))}`,
    );
    return null;
  }
  checkOptions(name, model, options, problems);
  checkOperations(name, model, options, problems);
  const modelNames = { name, dbColumn: model.dbTable };
  const label = options.label ?? labelOf(pluralOf(nameIn(metadata, modelNames)));
  const guard = guardOf(label, onUnreadable);
  const unguarded = resourceFields(metadata, model, options.fields);
  for (const field of unguarded)
    for (const { at, problem } of askedKindProblems(field))
      problems.add(name, `fields.${field.name}.kind.${at}`, problem);
  const all = unguarded.map((field) => guardField(field, guard));
  const isHidden = ({ name: own, meta }: ResourceField) =>
    options.fields?.[own]?.hidden || options.fields?.[meta.name]?.hidden;
  // A relation to many whose records nothing may address leads nowhere.
  const isNowhere = ({ relation }: ResourceField) =>
    isMany(relation) && metadata.models[relation.model]?.idFields.length === 0;
  const shownOrWritten = all.filter((field) => !isHidden(field) && !isNowhere(field));
  const fields = shownOrWritten.filter((field) => !field.isSecret);
  const secrets = shownOrWritten.filter((field) => field.isSecret);
  const find = (key: string, wanted: string): ResourceField | null => {
    const field = all.find(
      (candidate) => candidate.name === wanted || candidate.meta.name === wanted,
    );
    if (!field)
      problems.add(
        name,
        key,
        `${name} has no field "${wanted}".${didYouMean(wanted, Object.keys(model.fields))}`,
      );
    else if (fields.includes(field)) return field;
    else if (secrets.includes(field)) {
      if (key === 'form') return field;
      problems.add(
        name,
        key,
        `"${wanted}" is a secret, which is shown nowhere: if it is none, say fields.${field.name}.secret: false.`,
      );
    } else problems.add(name, key, `"${wanted}" is hidden.`);
    return null;
  };
  const pick = (
    key: string,
    names: readonly string[] | undefined,
    guess: () => ResourceField[],
    fits: Fits,
  ) => Object.freeze(names ? pickFields(key, names, fits) : guess());
  const shown = Object.entries(model.fields).filter(([own]) =>
    fields.some((field) => field.name === own || field.meta.name === own),
  );
  const titleField =
    options.titleField ?? titleFieldOf({ ...model, fields: Object.fromEntries(shown) });
  if (secrets.some((field) => field.name === titleField || field.meta.name === titleField))
    find('titleField', titleField);
  if (titleField !== '' && !model.fields[titleField]?.column)
    problems.add(
      name,
      'titleField',
      `${name} has no column "${titleField}".${didYouMean(titleField, Object.keys(model.fields))}`,
    );
  const formGroups = arrange(
    options.form ?? shownOrWritten.filter(isWritable).map((field) => field.name),
    (names) => pickFields('form', names, isInForm),
  );
  const showGroups = arrange(
    options.show ?? fields.filter(isShown).map((field) => field.name),
    (names) => pickFields('show', names, isShown),
  );
  const bulk = options.bulk ?? {};
  const minAsyncRecords = bulk.minAsyncRecords ?? defaults.minAsyncRecords;
  const hasBackground =
    defaults.background !== false &&
    bulk.background !== false &&
    (bulk.backend ?? defaults.backend) !== inlineName;
  const permissions = options.permissions ?? defaultPermissions;
  const grants = grantsOf({ ...options, permissions }, { label, model, onUnreadable });
  const resource: Resource = {
    slug: options.slug ?? slugOf(pluralOf(name)),
    label,
    singular: options.singular ?? labelOf(singularOf(nameIn(metadata, modelNames))),
    icon: options.icon ?? null,
    group: options.group ?? null,
    model,
    metadata,
    titleField,
    reader: utcReader,
    fields: Object.freeze(fields),
    secrets: Object.freeze(secrets),
    columns: buildColumns({ definition, model, fields, titleField, find, guard, problems }),
    filters: pick('filters', options.filters, () => guessFilters(fields), hasFilter),
    search: pick('search', options.search, () => guessSearch(fields, titleField), isSearchable),
    form: Object.freeze(formGroups.flatMap((group) => group.fields)),
    formGroups,
    show: Object.freeze(showGroups.flatMap((group) => group.fields)),
    showGroups,
    bulkFields: pick(
      'bulk.fields',
      bulk.fields,
      () => fields.filter((field) => isWritable(field) && canBeBulk(field)),
      canBeBulk,
    ),
    defaultSort: [options.defaultSort ?? sortFieldOf(model, titleField)].flat().join(','),
    hasBackground,
    backend: bulk.backend,
    parallelism: bulk.parallelism ?? defaults.parallelism,
    chunkSize: bulk.chunkSize ?? defaults.chunkSize,
    countLimit: options.countLimit ?? defaults.countLimit ?? 10_000,
    unique: bulk.unique ?? null,
    locksOffReason: typeof bulk.locks === 'object' ? bulk.locks.off : null,
    isAtomic: bulk.atomic === 'all',
    stopRatio: bulk.stopRatio ?? null,
    taskLimitMs: bulk.taskLimitMs ?? null,
    reason: reasonOf(bulk.reason),
    writeThrough: options.writeThrough ?? defaults.writeThrough ?? 'sql',
    validate: options.validate ?? null,
    hooks: options.hooks ?? {},
    descendants: options.descendants ?? null,
    operations: Object.freeze(
      (options.operations ?? []).map((one) => guardOperation(one, label, onUnreadable)),
    ),
    maxInline: Math.min(
      limits.bulk.inline,
      !hasBackground || bulk.runInBackground ? limits.bulk.inline : minAsyncRecords - 1,
    ),
    runsInBackground(selection, principal) {
      if (!hasBackground) return false;
      return (
        bulk.runInBackground?.(selection, principal) ??
        selection.count + selection.cascadeCount >= minAsyncRecords
      );
    },
    permissions: (principal) =>
      grants
        .actions(principal)
        .filter((action) => action !== 'bulk-delete' || bulk.delete !== false),
    canSee: grants.canSee,
    canChange: grants.canChange,
    scope: grants.scope,
    afterLaunch: askedLanding(
      { resource: label, option: 'afterLaunch', onUnreadable },
      launchLandings,
      options.afterLaunch,
    ),
    afterFinish: askedLanding(
      { resource: label, option: 'afterFinish', onUnreadable },
      finishLandings,
      options.afterFinish,
    ),
    notify: options.notify,
    taskManager: options.taskManager,
    taskManagerArguments: options.taskManagerArguments ?? [],
    seesTasks: grants.seesTasks,
    related,
  };
  checkSort(resource);
  return Object.freeze(resource);

  function pickFields(key: string, names: readonly string[], fits: Fits): ResourceField[] {
    const picked: ResourceField[] = [];
    for (const wanted of names) {
      const field = find(key, wanted);
      if (!field) continue;
      if (picked.includes(field)) problems.add(name, key, `"${wanted}" is named twice.`);
      else if (!fits(field)) problems.add(name, key, `"${wanted}" ${unfit(field, fits)}`);
      else picked.push(field);
    }
    return picked;
  }

  function checkSort({ defaultSort }: Resource): void {
    for (const item of defaultSort.split(',').filter((part) => part !== '')) {
      const [wanted = '', related] = item.replace(/^-/, '').split('.');
      if (related !== undefined) {
        const target = metadata.models[find('defaultSort', wanted)?.relation?.model ?? ''];
        if (target && !target.fields[related]?.column)
          problems.add(
            name,
            'defaultSort',
            `${target.name} has no column "${related}".${didYouMean(related, Object.keys(target.fields))}`,
          );
        else if (target?.fields[related]?.isSecret)
          problems.add(name, 'defaultSort', `"${wanted}.${related}" is a secret.`);
        continue;
      }
      const field = model?.idFields.includes(wanted) ? null : find('defaultSort', wanted);
      if (field && !getFieldKind(field).isSortable)
        problems.add(name, 'defaultSort', `"${wanted}" cannot be sorted by.`);
    }
  }
}

function isMany(
  relation: ResourceField['relation'],
): relation is NonNullable<ResourceField['relation']> {
  return relation?.kind === 'many-to-many';
}

type Fits = (field: ResourceField) => boolean;

function unfit(field: ResourceField, fits: Fits): string {
  if (fits === isSearchable) return 'is no text, and only texts are searched.';
  if (fits === hasFilter) return 'has no filter.';
  if (fits === isShown) return 'leads to many records, which are not shown in one place.';
  if (fits === canBeBulk && field.isReadOnly) return 'is read-only.';
  if (fits === canBeBulk && field.meta.isUnique)
    return 'is unique, so many records cannot be given one value.';
  if (fits === isInForm && hasGeneratedValue(field.meta))
    return 'is filled in by the database; make it readOnly to show it.';
  return 'cannot be written.';
}

function isShown(field: ResourceField): boolean {
  return field.meta.kind !== 'relation' || field.relation !== null;
}

function isWritable(field: ResourceField): boolean {
  return (
    !field.isReadOnly &&
    getFieldKind(field).input !== 'none' &&
    !field.meta.isUpdatedAt &&
    !hasGeneratedValue(field.meta)
  );
}

function isInForm(field: ResourceField): boolean {
  return isWritable(field) || (field.isReadOnly && isShown(field));
}

function hasFilter(field: ResourceField): boolean {
  return getFieldKind(field).filter !== null;
}

function isSearchable(field: ResourceField): boolean {
  return getFieldKind(field).isSearchable;
}

function canBeBulk(field: ResourceField): boolean {
  return (
    !field.isReadOnly &&
    getFieldKind(field).input !== 'none' &&
    !field.meta.isId &&
    !field.meta.isUnique
  );
}

function hasGeneratedValue(meta: FieldMeta): boolean {
  const given = meta.default as { name?: string } | null;
  return (
    (meta.isId && typeof given === 'object' && given !== null) ||
    (given?.name === 'now' && /^(created|inserted)(_?(at|on))?$/i.test(meta.name))
  );
}

function reasonOf(
  asked: 'never' | 'optional' | { requiredAbove: number } = 'never',
): Resource['reason'] {
  if (typeof asked === 'object') return { isAsked: true, requiredAbove: asked.requiredAbove };
  return { isAsked: asked === 'optional', requiredAbove: null };
}
