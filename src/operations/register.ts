import type { Operation, OperationKind } from './contract.ts';
import { deleteOperation } from './delete.ts';
import { updateOperation } from './update.ts';

const operations: Readonly<Record<OperationKind, Operation<never>>> = {
  update: updateOperation,
  delete: deleteOperation,
};

export function getOperation(kind: OperationKind): Operation {
  return operations[kind] as unknown as Operation;
}
