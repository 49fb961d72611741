import { checkTemplates, sayRemarks } from './check-templates.ts';
import { runProgram } from './run-program.ts';

/** The compiler over sources and, as functions of their data, over templates. */
const status = await runProgram('tsc', ['-p', '.']);
process.exit(sayRemarks(await checkTemplates()) && status === 0 ? 0 : 1);
