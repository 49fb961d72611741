import { isPackage } from './our-files.ts';

const scripts: Readonly<Record<string, string>> = {
  start: 'npm start',
  serve: 'npm run serve',
  work: 'npm run work',
};

/**
 * What a person types to run a command of ours where this runs: in a project that has installed us,
 * or in the repository.
 */
export function commandLine(command: string, options = ''): string {
  if (isPackage) return ['npx bulkhead', command, options].filter(Boolean).join(' ');
  const script = scripts[command];
  const typed = script ? [script, options && '--'] : ['npm run bulkhead --', command];
  return [...typed, options].filter(Boolean).join(' ');
}
