/** The commit from which on code of before and of now go together: migrations only add. */
export const baseCommit = '32a801a';

/** The last migration that it has, and how many there are up to that. */
export const lastOfBase = '20261130160000_alerts';
export const countOfBase = 50;
