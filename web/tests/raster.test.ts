import assert from "node:assert/strict";
import { test } from "node:test";
import { capsule, filled, region, type Grid } from "../src/mask/raster";

const GRID: Grid = { width: 20, height: 16, sx: 2, sy: 1 };

function stroke(from: [number, number], to: [number, number], radius_mm: number): Set<number> {
  const found = new Set<number>();
  capsule(GRID, from, to, radius_mm, (k) => found.add(k));
  return found;
}

test("a stroke takes the pixels whose centres are near enough in mm, whatever the shape of a pixel", () => {
  const found = stroke([10.5, 8.5], [10.5, 8.5], 3);
  const expected = new Set<number>();
  for (let y = 0; y < 16; y += 1) for (let x = 0; x < 20; x += 1) if (Math.hypot((x - 10) * 2, y - 8) <= 3) expected.add(y * 20 + x);
  assert.deepEqual([...found].sort((a, b) => a - b), [...expected].sort((a, b) => a - b));
});

test("a quick stroke has no gaps", () => {
  const found = stroke([2.5, 3.5], [17.5, 12.5], 1.2);
  for (let share = 0; share <= 1; share += 0.01) {
    const x = Math.floor(2.5 + 15 * share);
    const y = Math.floor(3.5 + 9 * share);
    assert.ok([-1, 0, 1].some((dx) => [-1, 0, 1].some((dy) => found.has((y + dy) * 20 + x + dx))));
  }
});

test("the smallest brush draws the pixel below it, and none outside the slice", () => {
  assert.deepEqual([...stroke([4.9, 4.9], [4.9, 4.9], 0.1)], [4 * 20 + 4]);
  assert.equal(stroke([-3, -3], [-3, -3], 0.5).size, 0);
  for (const k of stroke([0, 0], [19.9, 0], 4)) assert.ok(k >= 0 && k < 320);
});

test("a filled outline holds the pixels whose centres it encloses, without a hole inside", () => {
  const square = [2, 2, 8, 2, 8, 7, 2, 7];
  assert.equal(filled(GRID, [square]).reduce((a, b) => a + b, 0), 30);
  assert.equal(filled(GRID, [square, [4, 4, 6, 4, 6, 6, 4, 6]]).reduce((a, b) => a + b, 0), 26);
});

test("a region ends at other values, and says whether it reaches the border", () => {
  const slice = new Uint8Array(320);
  for (let x = 4; x < 10; x += 1) slice[4 * 20 + x] = slice[9 * 20 + x] = 1;
  for (let y = 4; y < 10; y += 1) slice[y * 20 + 4] = slice[y * 20 + 9] = 1;
  const inside = region(slice, 20, 6 * 20 + 6);
  assert.equal(inside.pixels.length, 16);
  assert.equal(inside.open, false);
  assert.equal(region(slice, 20, 0).open, true);
});
