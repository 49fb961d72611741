import { textsOf } from '../../form-texts.ts';
import { type OwnFormControl, ownFormControls } from '../controls/own-form.ts';
import type { ConsequencesData } from '../records/consequences.ts';
import { recordTexts } from '../records/records-texts.ts';
import { type BulkDialog, type BulkDialogData, dialogData, fieldErrors } from './bulk.ts';
import { bulkTexts } from './bulk-texts.ts';

/** The form of an operation of the project's own. */
export interface BulkDoData extends BulkDialogData {
  controls: readonly OwnFormControl[];
  /** The cascade of what is deleted; null: nothing is. */
  consequences: ConsequencesData | null;
  consequencesHeading: string;
  acknowledge: { text: string; isTicked: boolean; error: string | null } | null;
  isDangerous: boolean;
}

export function bulkDoData(opened: BulkDialog, consequences: ConsequencesData | null): BulkDoData {
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
    controls: ownFormControls(inputs, {
      reader: opened.resource.reader,
      body,
      errors,
      idPrefix: 'bulk-do-',
    }),
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

declare module '../pages.ts' {
  interface Pages {
    'bulk/do': BulkDoData;
  }
}
