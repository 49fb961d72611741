import { textsOf } from '../../form-texts.ts';
import { controlName } from '../../operations/own/form-values.ts';
import { ownProperty } from '../../own-property.ts';
import { type InputData, inputData } from '../controls/input.ts';
import { zoneHint } from '../controls/zone-hint.ts';
import type { ConsequencesData } from '../records/consequences.ts';
import { recordTexts } from '../records/records-texts.ts';
import { type BulkDialog, type BulkDialogData, dialogData, fieldErrors } from './bulk.ts';
import { bulkTexts } from './bulk-texts.ts';

/** The form of an operation of the project's own. */
export interface BulkDoData extends BulkDialogData {
  controls: readonly {
    label: string;
    help: string | null;
    input: InputData;
    error: string | null;
  }[];
  /** The cascade of what is deleted; null: nothing is. */
  consequences: ConsequencesData | null;
  consequencesHeading: string;
  acknowledge: { text: string; isTicked: boolean; error: string | null } | null;
  isDangerous: boolean;
}

export async function bulkDoData(
  opened: BulkDialog,
  consequences: ConsequencesData | null,
): Promise<BulkDoData> {
  const { operation, body, error, preview } = opened;
  const { offer, words, inputs = [] } = operation;
  const errors = fieldErrors(error);
  const dialog = dialogData(opened);
  const isHopeless = preview.runsInline && consequences?.isForbidden === true;
  const wrong = errors.acknowledge ?? null;
  return {
    ...dialog,
    submitText: isHopeless ? null : dialog.submitText,
    message: wrong === null ? dialog.message : null,
    notes: [...dialog.notes, ...(isHopeless ? [bulkTexts.deleteHopeless] : [])],
    controls: await Promise.all(
      inputs.map((field) => controlOf(opened, field, ownProperty(errors, field.name) ?? null)),
    ),
    consequences: consequences && isHopeless ? { ...consequences, undo: null } : consequences,
    consequencesHeading: recordTexts.consequences,
    acknowledge: offer?.isAcknowledged
      ? {
          text: words.acknowledge(bulkTexts.records(preview.recordCount, opened.resource)),
          isTicked: textsOf(body.acknowledge).includes('yes'),
          error: wrong,
        }
      : null,
    isDangerous: offer?.tone === 'danger',
  };
}

async function controlOf(
  { registry, sql, principal, resource, body, url }: BulkDialog,
  field: NonNullable<BulkDialog['operation']['inputs']>[number],
  error: string | null,
): Promise<BulkDoData['controls'][number]> {
  const name = controlName(field);
  const id = `bulk-do-${field.name}`;
  const help = field.help ?? zoneHint(field, resource.reader);
  const input = await inputData({
    registry,
    sql,
    principal,
    resource,
    field,
    url,
    name,
    id,
    values: textsOf(ownProperty(body, name)),
    isRequired: field.meta.isRequired,
    emptyText: bulkTexts.choose,
    isWrong: error !== null,
    describedBy:
      [help ? `${id}-help` : '', error ? `${id}-error` : ''].filter(Boolean).join(' ') || null,
  });
  return { label: field.label, help, input, error };
}

declare module '../pages.ts' {
  interface Pages {
    'bulk/do': BulkDoData;
  }
}
