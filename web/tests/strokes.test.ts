import assert from "node:assert/strict";
import { test } from "node:test";
import { outlines } from "../src/mask/contours";
import { nearest, pulled } from "../src/mask/pull";
import { startStroke, type Stroke } from "../src/tools/strokes";
import type { Hand } from "../src/state/view";

const SIZE = 60;
const GRID = { width: SIZE, height: SIZE, sx: 1, sy: 1 };
const [RV, MYO, LV] = [1, 2, 3];
const label = (name: string, value: number) => ({ name, value, role: null, colour: "#ffffff" });
const OUTLINED = [
  { label: label("RV", RV), inside: new Set([RV]) },
  { label: label("MYO", MYO), inside: new Set([MYO, LV]) },
  { label: label("LV", LV), inside: new Set([LV]) },
];
const HAND: Hand = { tool: "brush", value: LV, diameter_mm: 4, over: true };

/** A cavity of radius 8 in a wall of radius 14 around (30, 30). */
function heart(): Uint8Array {
  return Uint8Array.from({ length: SIZE * SIZE }, (_, k) => {
    const r = Math.hypot((k % SIZE) + 0.5 - 30, Math.floor(k / SIZE) + 0.5 - 30);
    return r <= 8 ? LV : r <= 14 ? MYO : 0;
  });
}

const count = (slice: Uint8Array, value: number) => slice.reduce((sum, v) => sum + (v === value ? 1 : 0), 0);
const at = (slice: Uint8Array, x: number, y: number) => slice[y * SIZE + x];

function started(hand: Partial<Hand>, point: [number, number], erase = false): Stroke {
  const stroke = startStroke({ ...HAND, ...hand }, heart(), GRID, OUTLINED, point, erase);
  assert.ok(typeof stroke !== "string", String(stroke));
  return stroke;
}

test("a brush draws over other structures, or only where nothing is", () => {
  const over = started({}, [40.5, 30.5]);
  over.move([50.5, 30.5]);
  assert.equal(at(over.result(), 40, 30), LV);
  assert.equal(at(over.result(), 50, 30), LV);
  const beside = started({ over: false }, [40.5, 30.5]);
  beside.move([50.5, 30.5]);
  assert.equal(at(beside.result(), 40, 30), MYO);
  assert.equal(at(beside.result(), 50, 30), LV);
});

test("an eraser takes everything, or only its own structure", () => {
  assert.equal(at(started({ tool: "eraser" }, [40.5, 30.5]).result(), 40, 30), 0);
  assert.equal(at(started({ tool: "eraser", over: false }, [40.5, 30.5]).result(), 40, 30), MYO);
  assert.equal(at(started({}, [30.5, 30.5], true).result(), 30, 30), 0);
});

test("a cavity that is dragged inwards leaves wall, and outwards takes it", () => {
  const inwards = started({ tool: "pull", diameter_mm: 6 }, [38, 30]);
  inwards.move([35, 30]);
  assert.ok(count(inwards.result(), LV) < count(heart(), LV));
  assert.equal(count(inwards.result(), LV) + count(inwards.result(), MYO), count(heart(), LV) + count(heart(), MYO));
  const outwards = started({ tool: "pull", diameter_mm: 6 }, [38, 30]);
  outwards.move([41, 30]);
  assert.equal(at(outwards.result(), 39, 30), LV);
});

test("a wall that is dragged moves its outer rim and keeps the cavity", () => {
  const outwards = started({ tool: "pull", value: MYO, diameter_mm: 6 }, [44, 30]);
  outwards.move([49, 30]);
  assert.equal(at(outwards.result(), 46, 30), MYO);
  assert.equal(count(outwards.result(), LV), count(heart(), LV));
  const inwards = started({ tool: "pull", value: MYO, diameter_mm: 6 }, [44, 30]);
  inwards.move([41, 30]);
  assert.equal(at(inwards.result(), 43, 30), 0);
});

test("a contour is dragged only by who takes hold of it", () => {
  assert.equal(typeof startStroke({ ...HAND, tool: "pull" }, heart(), GRID, OUTLINED, [58, 58], false), "string");
  assert.equal(typeof startStroke({ ...HAND, tool: "pull", value: RV }, heart(), GRID, OUTLINED, [30, 30], false), "string");
});

test("an outline is filled, and a fill needs something that encloses it", () => {
  const square = started({ tool: "outline", value: RV }, [2, 2]);
  for (const point of [[8, 2], [8, 8], [2, 8]] as const) square.move(point);
  assert.equal(count(square.result(), RV), 36);
  assert.equal(count(started({ tool: "fill", value: RV }, [30.5, 30.5]).result(), RV), count(heart(), LV));
  assert.equal(typeof startStroke({ ...HAND, tool: "fill", value: RV }, heart(), GRID, OUTLINED, [2, 2], false), "string");
});

test("a pulled ring moves with the hand where it is held, and not on its far side", () => {
  const rings = outlines(heart(), SIZE, new Set([LV]));
  const hold = nearest(rings, 38, 30, 1, 1);
  assert.ok(hold && hold.distance_mm < 1);
  const moved = pulled(rings[0], hold.point, 3, 0, 4, 1, 1);
  assert.ok(Math.abs(moved[2 * hold.point] - rings[0][2 * hold.point] - 3) < 1e-4);
  const far = nearest([rings[0]], 22, 30, 1, 1);
  assert.ok(far);
  assert.ok(Math.abs(moved[2 * far.point] - rings[0][2 * far.point]) < 0.01);
});
