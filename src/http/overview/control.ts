import type { WorkerInfo } from '../../tasks/looking/list-workers.ts';
import type { Link } from '../tasks/progress.ts';
import type { Url } from '../url.ts';
import { controlTexts } from './control-texts.ts';
import { overviewTexts } from './overview-texts.ts';

/** What is asked before a queue is paused, or a worker is asked to be quiet or to stop. */
export interface ControlConfirm {
  title: string;
  notes: readonly string[];
  /** That nothing would run then; null: something would. */
  warning: string | null;
  action: string;
  submit: string;
  /** Null: none is asked for. */
  reason: { label: string; maxLength: number } | null;
  isGrave: boolean;
  back: Link;
}

/** Of a queue or a worker: a link to a page that asks first, or a form that does it. */
export interface ControlAct {
  href: string;
  label: string;
  about: string;
  icon: string;
  isForm: boolean;
}

export function workerName({ host, pid }: Pick<WorkerInfo, 'host' | 'pid'>): string {
  return overviewTexts.worker(host, pid);
}

export function controlConfirm(
  act: keyof typeof controlTexts.confirm,
  {
    name,
    path,
    url,
    isLast = false,
    reasonLength = null,
  }: { name: string; path: string; url: Url; isLast?: boolean; reasonLength?: number | null },
): ControlConfirm {
  const { confirm, isLast: lastText, reason, back } = controlTexts;
  const words = confirm[act](name);
  return {
    ...words,
    warning: isLast ? lastText : null,
    action: url(path),
    reason: reasonLength === null ? null : { label: reason, maxLength: reasonLength },
    isGrave: act === 'stop',
    back: { href: url('/tasks/overview'), label: back },
  };
}

/** What may be done about a worker. */
export function workerActs(worker: WorkerInfo, url: Url): ControlAct[] {
  const { id, asked, isAlive } = worker;
  if (!isAlive || asked === 'stop') return [];
  const act = (path: string, label: string, icon: string, isForm = false): ControlAct => ({
    href: url(`/tasks/workers/${id}/${path}`),
    label,
    about: controlTexts.about(label, workerName(worker)),
    icon,
    isForm,
  });
  return [
    asked === 'quiet'
      ? act('resumption', controlTexts.goOn, 'play', true)
      : act('quiet', controlTexts.quiet, 'moon'),
    act('stop', controlTexts.stop, 'power'),
  ];
}

export function queueAct(name: string, isPaused: boolean, url: Url): ControlAct {
  const path = `/tasks/queues/${encodeURIComponent(name)}/`;
  const [to, label, icon] = isPaused
    ? ['resumption', controlTexts.resume, 'play']
    : ['pause', controlTexts.pause, 'pause'];
  return {
    href: url(`${path}${to}`),
    label: label as string,
    about: controlTexts.about(label as string, name),
    icon: icon as string,
    isForm: isPaused,
  };
}

declare module '../pages.ts' {
  interface Pages {
    'overview/confirm': ControlConfirm;
  }
}
