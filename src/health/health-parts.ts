import { channelParts } from './channel-findings.ts';
import { databaseParts } from './database-findings.ts';
import type { HealthPart } from './finding.ts';
import { processParts } from './process-findings.ts';
import { queueParts } from './queue-findings.ts';
import { settingsParts } from './settings-findings.ts';
import { standbyParts } from './standby-findings.ts';
import { taskParts } from './task-findings.ts';
import { workerParts } from './worker-findings.ts';

/** Everything that is looked at, in the order in which it is said. */
export const healthParts: readonly HealthPart[] = [
  ...databaseParts,
  ...queueParts,
  ...workerParts,
  ...processParts,
  ...standbyParts,
  ...taskParts,
  ...settingsParts,
  ...channelParts,
];
