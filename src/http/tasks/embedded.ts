import type { TaskState } from '../../tasks/states.ts';
import type { Url } from '../url.ts';
import { badgeOf } from './badge.ts';
import { type Bar, barOf, shownProgress, totalOf } from './progress.ts';
import { kindTexts } from './task-kinds.ts';
import type { NamedTask } from './task-title.ts';

/** How far a task is, for a page of the project's own. */
export interface EmbeddedData {
  state: TaskState;
  title: string;
  taskUrl: string;
  bar: Bar;
  stateText: string;
  doneText: string;
}

export function embeddedData(task: NamedTask, now: Date, url: Url): EmbeddedData {
  return {
    state: task.state,
    title: task.title,
    taskUrl: url(`/tasks/${task.id}`),
    bar: barOf(task, now),
    stateText: badgeOf(task.state).label,
    doneText: kindTexts(task).doneText(shownProgress(task, now).done, totalOf(task)),
  };
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/_embedded': EmbeddedData;
  }
}
