import assert from "node:assert/strict";
import { test } from "node:test";
import { area, boundingBox, outlines } from "../src/mask/contours";
import { filled } from "../src/mask/raster";

const WIDTH = 40;
const GRID = { width: WIDTH, height: WIDTH, sx: 1, sy: 1 };
const ONE = new Set([1]);

function drawn(inside: (x: number, y: number) => boolean): Uint8Array {
  return Uint8Array.from({ length: WIDTH * WIDTH }, (_, k) => (inside((k % WIDTH) + 0.5, Math.floor(k / WIDTH) + 0.5) ? 1 : 0));
}

const disc = (x: number, y: number, r: number) => drawn((px, py) => Math.hypot(px - x, py - y) <= r);

test("the outline of a disc has the disc's area and runs within half a pixel of its rim", () => {
  const rings = outlines(disc(20, 20, 9), WIDTH, ONE);
  assert.equal(rings.length, 1);
  assert.ok(Math.abs(area(rings[0]) - Math.PI * 81) < 0.03 * Math.PI * 81);
  for (let k = 0; k < rings[0].length; k += 2) {
    assert.ok(Math.abs(Math.hypot(rings[0][k] - 20, rings[0][k + 1] - 20) - 9) < 0.6);
  }
});

test("an outline filled again gives exactly the pixels that it was made from", () => {
  const shapes = [
    disc(20, 20, 9), disc(3, 3, 5), disc(37, 20, 6), drawn((x, y) => x > 10 && x < 12 && y > 5 && y < 30),
    drawn((x, y) => Math.abs(Math.hypot(x - 20, y - 20) - 8) < 1.1), drawn((x, y) => (Math.floor(x) + Math.floor(y)) % 2 === 0),
    drawn((x, y) => Math.floor(x) === 7 && Math.floor(y) === 9), drawn((x, y) => x < 4 || y > 36),
  ];
  for (const shape of shapes) assert.deepEqual(filled(GRID, outlines(shape, WIDTH, ONE)), shape);
});

test("a ring has an outline outside and one of opposite sense inside", () => {
  const rings = outlines(drawn((x, y) => Math.abs(Math.hypot(x - 20, y - 20) - 8) < 2), WIDTH, ONE);
  assert.equal(rings.length, 2);
  assert.ok(area(rings[0]) * area(rings[1]) < 0);
});

test("pixels that touch at a corner have outlines of their own", () => {
  const rings = outlines(drawn((x, y) => (Math.floor(x) === 5 && Math.floor(y) === 5) || (Math.floor(x) === 6 && Math.floor(y) === 6)), WIDTH, ONE);
  assert.equal(rings.length, 2);
});

test("the outline of two values encloses both, and nothing has none", () => {
  const slice = disc(20, 20, 9);
  disc(20, 20, 5).forEach((inside, k) => inside && (slice[k] = 3));
  assert.equal(outlines(slice, WIDTH, new Set([1, 3])).length, 1);
  assert.equal(outlines(slice, WIDTH, ONE).length, 2);
  assert.deepEqual(outlines(slice, WIDTH, new Set([2])), []);
  assert.equal(boundingBox(slice, WIDTH, new Set([2])), null);
  assert.deepEqual(boundingBox(disc(20, 20, 2), WIDTH, ONE), { x0: 18, y0: 18, x1: 22, y1: 22 });
});
