import { createHash } from 'node:crypto';
import type { Principal } from '../../auth/principal.ts';
import type { Resource } from '../../resources/contract.ts';
import type { NewTask } from '../insert-task.ts';
import { defaultRunOptions } from '../run-options.ts';
import type { TaskRow, TaskSelection } from '../task-row.ts';

/** A task of its own that goes on from what another one left: retry and undo. */
export interface FollowUp {
  parent: TaskRow;
  resource: Resource;
  principal: Principal;
  /** The one-time id of the form. */
  operationId: string;
  operation: NewTask['operation'];
  title: string;
  parameters: unknown;
  selection: TaskSelection;
  expected: number;
}

export function newFollowUp(followUp: FollowUp): NewTask {
  const { parent, resource, principal, operationId, operation } = followUp;
  const { title, parameters, selection, expected } = followUp;
  const parts = [principal.id, parent.id, resource.model.name, operation, selection];
  return {
    operationId,
    taskKey: createHash('sha256').update(JSON.stringify(parts)).digest('hex'),
    resource,
    operation,
    title,
    principal,
    parameters,
    selection,
    expected,
    followsId: parent.id,
    isAtomic: parent.isAtomic,
    options: { ...defaultRunOptions, inBackground: true, changeReason: parent.changeReason },
    meta: null,
    snapshot: null,
  };
}
