import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, encode } from "../src/mask/runs";

test("a slice goes into runs and comes back, without the background at its end", () => {
  const slice = Uint8Array.from([0, 0, 3, 3, 1, 0, 0, 0]);
  assert.deepEqual(encode(slice), [0, 2, 3, 2, 1, 1]);
  const back = new Uint8Array(8).fill(9);
  decode([0, 2, 3, 2, 1, 1], back);
  assert.deepEqual(back, slice);
});

test("an empty slice has no runs, and no runs empty a slice", () => {
  assert.deepEqual(encode(new Uint8Array(6)), []);
  const slice = new Uint8Array(6).fill(2);
  decode([], slice);
  assert.deepEqual(slice, new Uint8Array(6));
});

test("random slices come back as they were", () => {
  let seed = 7;
  for (let round = 0; round < 50; round += 1) {
    const slice = Uint8Array.from({ length: 97 }, () => ((seed = (seed * 1103515245 + 12345) % 2147483648), (seed >> 16) % 3));
    const back = new Uint8Array(97).fill(1);
    decode(encode(slice), back);
    assert.deepEqual(back, slice);
  }
});

test("runs that are longer than the slice are refused", () => {
  assert.throws(() => decode([1, 7], new Uint8Array(6)), RangeError);
});
