import { bulkTexts } from './texts/bulk.ts';
import { changeTexts } from './texts/changes.ts';
import { consequenceTexts } from './texts/consequences.ts';
import { historyTexts } from './texts/history.ts';
import { inputTexts } from './texts/input.ts';
import { filterTexts } from './texts/filter.ts';
import { listTexts, selectionTexts } from './texts/list.ts';
import { previewTexts } from './texts/previews.ts';
import { recordTexts } from './texts/records.ts';
import { shellTexts } from './texts/shell.ts';
import { taskTexts } from './texts/tasks.ts';

/** Everything that people read, in one catalogue: a file for each part of the pages. */
export const texts = {
  shell: shellTexts,
  list: listTexts,
  filter: filterTexts,
  selection: selectionTexts,
  records: recordTexts,
  inputs: inputTexts,
  consequences: consequenceTexts,
  history: historyTexts,
  bulk: bulkTexts,
  changes: changeTexts,
  previews: previewTexts,
  tasks: taskTexts,
};
