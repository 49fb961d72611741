/** First number of every advisory lock of ours; the second is a hash or a worker's number. */
export const advisoryClass = {
  activation: 0x42_4c_4b_01,
  liveness: 0x42_4c_4b_02,
  uniqueness: 0x42_4c_4b_03,
  limits: 0x42_4c_4b_04,
  schedules: 0x42_4c_4b_05,
  alone: 0x42_4c_4b_0a,
  sealing: 0x42_4c_4b_0b,
  alerts: 0x42_4c_4b_0c,
  forgetting: 0x42_4c_4b_0d,
} as const;
