// Numbers with a meaning in the FLVX dialect.
export const gigabyte = 1024 ** 3; // a quota's GB, in bytes
export const unlimited = 99_999; // in quotas and counts of forwards: "no limit"
