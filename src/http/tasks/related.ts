import type { Principal } from '../../auth/principal.ts';
import type { TaskContext } from '../../tasks/context.ts';
import { listRelated, relations } from '../../tasks/looking/related-tasks.ts';
import type { TaskRow } from '../../tasks/task-row.ts';
import type { Url } from '../url.ts';
import { type Badge, badgeOf } from './badge.ts';
import { relatedTexts } from './related-texts.ts';
import { named } from './task-title.ts';

/** Tasks that belong to one, on its page. */
export interface RelatedData {
  heading: string;
  groups: readonly {
    heading: string;
    lines: readonly { id: number; href: string; label: string; badge: Badge }[];
  }[];
}

/** Null: there are none that the reader sees. */
export async function readRelated(
  context: TaskContext,
  principal: Principal,
  task: TaskRow,
  url: Url,
): Promise<RelatedData | null> {
  const found = await listRelated(context, principal, task);
  if (found.length === 0) return null;
  const tasks = await named(
    context,
    principal,
    found.map((one) => one.task),
  );
  const groups = relations.flatMap((relation) => {
    const lines = found.flatMap((one, index) => {
      const shown = tasks[index];
      if (one.relation !== relation || !shown) return [];
      const { id, title, state } = shown;
      return [{ id, href: url(`/tasks/${id}`), label: title, badge: badgeOf(state) }];
    });
    const isBulk = relation === 'records' && task.kind === 'bulk';
    const heading = isBulk ? relatedTexts.firstRecord : relatedTexts.groups[relation];
    return lines.length === 0 ? [] : [{ heading, lines }];
  });
  return { heading: relatedTexts.heading, groups };
}

declare module '../pages.ts' {
  interface Pages {
    'tasks/_related': RelatedData;
  }
}
