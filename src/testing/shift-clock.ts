/**
 * Loaded before a program of ours (`--import`): its clock is off by BULKHEAD_TEST_CLOCK_SHIFT_MS, as
 * that of another machine may be.
 */
const shiftMs = Number(process.env.BULKHEAD_TEST_CLOCK_SHIFT_MS ?? 0);
const Real = Date;

class Shifted extends Real {
  constructor(...given: [] | [number | string | Date]) {
    if (given.length === 0) super(Real.now() + shiftMs);
    else super(...(given as [number]));
  }

  static override now(): number {
    return Real.now() + shiftMs;
  }
}

globalThis.Date = Shifted as DateConstructor;
