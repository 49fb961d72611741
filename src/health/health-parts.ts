import type { HealthPart } from './finding.ts';
import { processParts } from './process-findings.ts';
import { standbyParts } from './standby-findings.ts';
import { taskParts } from './task-findings.ts';

/** Everything that is looked at, in the order in which it is said. */
export const healthParts: readonly HealthPart[] = [...taskParts, ...processParts, ...standbyParts];
