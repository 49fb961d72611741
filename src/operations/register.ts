import type { Operation, OperationKind } from './contract.ts';
import { deleteOperation } from './delete.ts';
import { updateOperation } from './update.ts';

const operations: Readonly<Record<OperationKind, Operation>> = {
  update: updateOperation as unknown as Operation,
  delete: deleteOperation as unknown as Operation,
};

export function getOperation(kind: OperationKind): Operation {
  return operations[kind];
}
