/** Run lengths of a slice, as they travel: value, length, value, length, ...; trailing background is left out. */

import type { Runs } from "../api/contract";

/** Give the runs of one slice, row by row. */
export function encode(slice: Uint8Array): number[] {
  const runs: number[] = [];
  let end = slice.length;
  while (end > 0 && slice[end - 1] === 0) end -= 1;
  for (let start = 0; start < end; ) {
    const value = slice[start];
    let stop = start + 1;
    while (stop < end && slice[stop] === value) stop += 1;
    runs.push(value, stop - start);
    start = stop;
  }
  return runs;
}

/** Write runs into a slice; what they leave out becomes background. Throws if they do not fit. */
export function decode(runs: Runs, slice: Uint8Array): void {
  let at = 0;
  for (let k = 0; k + 1 < runs.length; k += 2) {
    const end = at + runs[k + 1];
    if (end > slice.length) throw new RangeError(`runs of ${end} pixels for a slice of ${slice.length}`);
    slice.fill(runs[k], at, end);
    at = end;
  }
  slice.fill(0, at);
}
