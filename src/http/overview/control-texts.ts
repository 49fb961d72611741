import { commandLine } from '../../command-line.ts';
export const controlTexts = {
  pause: 'Pause…',
  resume: 'Resume',
  quiet: 'Quiet…',
  stop: 'Stop…',
  goOn: 'Let it go on',
  about: (act: string, name: string) => `${act.replace(/…$/, '')}: ${name}`,
  back: 'Back to the overview',
  reason: 'Why (others read it)',
  confirm: {
    pause: (name: string) => ({
      title: `Pause the queue “${name}”?`,
      notes: [
        'Nothing new of it is taken. What runs goes on to its end, bulk work to the end of its slice, and waits then with its records locked.',
        'Schedules go on to launch, and people too: what they launch waits, and says that the queue is paused, by whom and since when.',
      ],
      submit: 'Pause the queue',
    }),
    quiet: (name: string) => ({
      title: `Quiet the worker ${name}?`,
      notes: [
        'It takes nothing more. Background tasks that it is at go on to their ends, bulk work is handed on after its chunk.',
        'It stays until it is let go on, or stopped.',
      ],
      submit: 'Quiet the worker',
    }),
    stop: (name: string) => ({
      title: `Stop the worker ${name}?`,
      notes: [
        'It hands on what it is at, as when it is sent SIGTERM, and its process ends: whatever keeps it running starts it anew.',
        `Where it runs beside the pages, as with ${commandLine('start')}, these go on without it until the next start.`,
      ],
      submit: 'Stop the worker',
    }),
  },
  isLast: 'No other worker is alive that takes anything: nothing would run in the background.',
  isPaused: (name: string) => `The queue “${name}” is paused already.`,
  isAsked: (name: string) => `The worker ${name} has been asked to already, or is to stop.`,
  done: {
    paused: (name: string) => `The queue “${name}” is paused.`,
    resumed: (name: string) => `The queue “${name}” goes on.`,
    quiet: (name: string) => `The worker ${name} is asked to take nothing more.`,
    stop: (name: string) => `The worker ${name} is asked to stop.`,
    goOn: (name: string) => `The worker ${name} takes tasks again.`,
  },
};
