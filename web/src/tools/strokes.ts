/** What each tool does to a slice. A stroke works on a copy; what it gives is one undoable change. */

import { outlines, type Ring } from "../mask/contours";
import { nearest, pulled, type Hold } from "../mask/pull";
import { capsule, filled, region, type Grid } from "../mask/raster";
import type { Outlined } from "../state/study";
import type { Hand } from "../state/view";

export type Point = readonly [x: number, y: number];

/** A stroke in progress over one slice. */
export interface Stroke {
  /** Draw on from the last point. */
  move(to: Point): void;
  /** The slice as the stroke leaves it. */
  result(): Uint8Array;
  /** A line to show until the end, or null where the mask itself shows the stroke. */
  readonly line: { points: Ring | readonly number[]; closed: boolean } | null;
}

/** Start a stroke, or say in a sentence why there is none. */
export function startStroke(
  hand: Hand,
  before: Uint8Array,
  grid: Grid,
  outlined: readonly Outlined[],
  at: Point,
  erase: boolean,
): Stroke | string {
  const mine = outlined.find((one) => one.label.value === hand.value);
  if (!mine) return "Choose a structure first.";
  switch (hand.tool) {
    case "brush":
    case "eraser":
      return new BrushStroke(hand, before, grid, at, erase || hand.tool === "eraser");
    case "outline":
      return new OutlineStroke(hand, before, grid, at, erase);
    case "pull":
      return pull(hand, before, grid, outlined, mine, at);
    case "fill":
      return fill(hand, before, grid, at);
    default:
      return "";
  }
}

class BrushStroke implements Stroke {
  readonly line = null;
  readonly #slice: Uint8Array;
  #last: Point;

  constructor(
    readonly hand: Hand,
    before: Uint8Array,
    readonly grid: Grid,
    at: Point,
    readonly erase: boolean,
  ) {
    this.#slice = before.slice();
    this.#last = at;
    this.move(at);
  }

  move(to: Point): void {
    const { value, over, diameter_mm } = this.hand;
    const slice = this.#slice;
    capsule(this.grid, this.#last, to, diameter_mm / 2, (k) => {
      if (this.erase) {
        if (over ? slice[k] !== 0 : slice[k] === value) slice[k] = 0;
      } else if (over || slice[k] === 0) slice[k] = value;
    });
    this.#last = to;
  }

  result(): Uint8Array {
    return this.#slice;
  }
}

class OutlineStroke implements Stroke {
  readonly line: { points: number[]; closed: boolean };

  constructor(
    readonly hand: Hand,
    readonly before: Uint8Array,
    readonly grid: Grid,
    at: Point,
    readonly erase: boolean,
  ) {
    this.line = { points: [...at], closed: true };
  }

  move(to: Point): void {
    this.line.points.push(...to);
  }

  result(): Uint8Array {
    const inside = filled(this.grid, [this.line.points]);
    const { value, over } = this.hand;
    return this.before.map((old, k) => {
      if (!inside[k]) return old;
      if (this.erase) return over || old === value ? 0 : old;
      return over || old === 0 ? value : old;
    });
  }
}

/** Farthest from a line at which the hand takes hold of it. */
const GRASP_MM = 12;

function pull(
  hand: Hand,
  before: Uint8Array,
  grid: Grid,
  outlined: readonly Outlined[],
  mine: Outlined,
  at: Point,
): Stroke | string {
  const rings = outlines(before, grid.width, mine.inside);
  const hold = nearest(rings, at[0], at[1], grid.sx, grid.sy);
  if (!hold || hold.distance_mm > GRASP_MM) return `Take hold of the outline of ${mine.label.name}.`;
  return new PullStroke(hand, before, grid, outlined, mine, rings, hold, at);
}

class PullStroke implements Stroke {
  readonly line: { points: Ring; closed: boolean };
  readonly #start: Ring;

  constructor(
    readonly hand: Hand,
    readonly before: Uint8Array,
    readonly grid: Grid,
    readonly outlined: readonly Outlined[],
    readonly mine: Outlined,
    readonly rings: Ring[],
    readonly hold: Hold,
    readonly at: Point,
  ) {
    this.#start = rings[hold.ring];
    this.line = { points: this.#start, closed: true };
  }

  move(to: Point): void {
    const reach = Math.max(4, this.hand.diameter_mm);
    this.line.points = pulled(
      this.#start, this.hold.point, to[0] - this.at[0], to[1] - this.at[1], reach, this.grid.sx, this.grid.sy,
    );
  }

  result(): Uint8Array {
    const old = filled(this.grid, this.rings);
    const now = filled(this.grid, this.rings.map((ring, r) => (r === this.hold.ring ? this.line.points : ring)));
    const { inside, label } = this.mine;
    // What a cavity leaves becomes the wall around it; what a wall or a cavity without a wall leaves, background.
    const wall = this.outlined.find((one) => one.inside.size > 1 && one.inside.has(label.value) && one.label !== label);
    const left = wall && this.before.includes(wall.label.value) ? wall.label.value : 0;
    return this.before.map((value, k) => {
      if (now[k] === old[k]) return value;
      if (now[k]) return inside.has(value) || !(this.hand.over || value === 0 || value === wall?.label.value) ? value : label.value;
      return inside.has(value) ? left : value;
    });
  }
}

function fill(hand: Hand, before: Uint8Array, grid: Grid, at: Point): Stroke | string {
  const x = Math.floor(at[0]);
  const y = Math.floor(at[1]);
  if (x < 0 || y < 0 || x >= grid.width || y >= grid.height) return "";
  const start = y * grid.width + x;
  if (before[start] === hand.value) return "This is filled already.";
  const { pixels, open } = region(before, grid.width, start);
  if (open) return "Nothing encloses this place: close the outline first.";
  const slice = before.slice();
  for (const k of pixels) slice[k] = hand.value;
  return { line: null, move: () => undefined, result: () => slice };
}
