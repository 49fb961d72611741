import type { Action } from '../resources/contract.ts';
import type { Operation, OperationKind } from './contract.ts';
import { deleteOperation } from './delete.ts';
import { undoOperation } from './undo.ts';
import { updateOperation } from './update.ts';

const operations: Readonly<Record<OperationKind, Operation>> = {
  update: updateOperation as unknown as Operation,
  delete: deleteOperation as unknown as Operation,
  undo: undoOperation as unknown as Operation,
};

/** The names of every operation there is. */
export const operationKinds = Object.keys(operations) as OperationKind[];

export function getOperation(kind: OperationKind): Operation {
  return operations[kind];
}

export function isOperation(kind: string): kind is OperationKind {
  return Object.hasOwn(operations, kind);
}

/** What the principal must be allowed to do, for a run with these parameters. */
export function actionOf(kind: OperationKind, parameters: unknown): Action {
  const operation = getOperation(kind);
  return operation.actionOf?.(parameters) ?? operation.action;
}
