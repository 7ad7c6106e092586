/** Outlines of a structure with sub-pixel edges.
 *
 * The binary mask is smoothed, and then held apart at each pixel: an inside pixel stays above the level and an outside
 * one below. So the line is smooth, and still runs between exactly the pixels that the mask separates.
 * Coordinates are pixels, and the centre of pixel (x, y) is (x + 0.5, y + 0.5).
 */

export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** A closed line: x, y, x, y, ... */
export type Ring = Float32Array;

/** Binomial: a bell of 1.2 pixels. */
const KERNEL = [1 / 64, 6 / 64, 15 / 64, 20 / 64, 15 / 64, 6 / 64, 1 / 64];
const REACH = 3;
const MARGIN = REACH + 1;
const INSIDE = 0.505;
const OUTSIDE = 0.495;

/** Smallest box (ends excluded) around the pixels with one of the values, or null. */
export function boundingBox(slice: Uint8Array, width: number, values: ReadonlySet<number>): Box | null {
  let x0 = width;
  let x1 = -1;
  let y0 = -1;
  let y1 = -1;
  for (let k = 0; k < slice.length; k += 1) {
    if (slice[k] === 0 || !values.has(slice[k])) continue;
    const y = Math.floor(k / width);
    const x = k - y * width;
    if (y0 < 0) y0 = y;
    y1 = y;
    if (x < x0) x0 = x;
    if (x > x1) x1 = x;
  }
  return y0 < 0 ? null : { x0, y0, x1: x1 + 1, y1: y1 + 1 };
}

/** Closed outlines of all pixels with one of the values, holes included. */
export function outlines(slice: Uint8Array, width: number, values: ReadonlySet<number>): Ring[] {
  const box = boundingBox(slice, width, values);
  if (!box) return [];
  // A margin for the kernel, and one pixel more so that every line closes.
  const w = box.x1 - box.x0 + 2 * MARGIN;
  const h = box.y1 - box.y0 + 2 * MARGIN;
  const binary = new Float32Array(w * h);
  for (let y = box.y0; y < box.y1; y += 1) {
    for (let x = box.x0; x < box.x1; x += 1) {
      const value = slice[y * width + x];
      if (value !== 0 && values.has(value)) binary[(y - box.y0 + MARGIN) * w + (x - box.x0 + MARGIN)] = 1;
    }
  }
  return trace(heldField(binary, w, h), w, h, box.x0 - MARGIN + 0.5, box.y0 - MARGIN + 0.5);
}

function heldField(binary: Float32Array, w: number, h: number): Float32Array {
  const along = new Float32Array(w * h);
  const field = new Float32Array(w * h);
  for (let y = 0; y < h; y += 1) {
    for (let x = REACH; x < w - REACH; x += 1) {
      let sum = 0;
      for (let k = -REACH; k <= REACH; k += 1) sum += KERNEL[k + REACH] * binary[y * w + x + k];
      along[y * w + x] = sum;
    }
  }
  for (let y = REACH; y < h - REACH; y += 1) {
    for (let x = 0; x < w; x += 1) {
      let sum = 0;
      for (let k = -REACH; k <= REACH; k += 1) sum += KERNEL[k + REACH] * along[(y + k) * w + x];
      field[y * w + x] = sum;
    }
  }
  for (let k = 0; k < field.length; k += 1) {
    field[k] = binary[k] ? Math.max(field[k], INSIDE) : Math.min(field[k], OUTSIDE);
  }
  return field;
}

// Sides of a cell, and the pieces of line for each set of inside corners (top left 8, top right 4, bottom right 2,
// bottom left 1). The inside is on the right hand of the way. Pixels that touch at a corner stay apart.
const TOP = 0;
const RIGHT = 1;
const BOTTOM = 2;
const LEFT = 3;
const PIECES: readonly (readonly number[])[] = [
  [], [LEFT, BOTTOM], [BOTTOM, RIGHT], [LEFT, RIGHT],
  [RIGHT, TOP], [RIGHT, TOP, LEFT, BOTTOM], [BOTTOM, TOP], [LEFT, TOP],
  [TOP, LEFT], [TOP, BOTTOM], [TOP, LEFT, BOTTOM, RIGHT], [TOP, RIGHT],
  [RIGHT, LEFT], [RIGHT, BOTTOM], [BOTTOM, LEFT], [],
];

function trace(field: Float32Array, w: number, h: number, left: number, top: number): Ring[] {
  const next = new Map<number, number>();
  const edge = (x: number, y: number, side: number): number => {
    if (side === TOP) return (y * w + x) * 2;
    if (side === BOTTOM) return ((y + 1) * w + x) * 2;
    return side === LEFT ? (y * w + x) * 2 + 1 : (y * w + x + 1) * 2 + 1;
  };
  for (let y = 0; y + 1 < h; y += 1) {
    for (let x = 0; x + 1 < w; x += 1) {
      const k = y * w + x;
      const code =
        (field[k] > 0.5 ? 8 : 0) | (field[k + 1] > 0.5 ? 4 : 0) | (field[k + w + 1] > 0.5 ? 2 : 0) | (field[k + w] > 0.5 ? 1 : 0);
      const pieces = PIECES[code];
      for (let p = 0; p < pieces.length; p += 2) next.set(edge(x, y, pieces[p]), edge(x, y, pieces[p + 1]));
    }
  }
  const rings: Ring[] = [];
  while (next.size > 0) {
    const points: number[] = [];
    const first = next.keys().next().value as number;
    for (let at: number | undefined = first; at !== undefined; ) {
      const cell = at >> 1;
      const other = at & 1 ? cell + w : cell + 1;
      const share = (field[cell] - 0.5) / (field[cell] - field[other]);
      const x = cell % w;
      const y = Math.floor(cell / w);
      points.push(left + x + (at & 1 ? 0 : share), top + y + (at & 1 ? share : 0));
      const following: number | undefined = next.get(at);
      next.delete(at);
      at = following === first ? undefined : following;
    }
    rings.push(Float32Array.from(points));
  }
  return rings;
}

/** Area inside a ring, in pixels; holes are negative. */
export function area(ring: Ring): number {
  let twice = 0;
  for (let k = 0; k < ring.length; k += 2) {
    const n = (k + 2) % ring.length;
    twice += ring[k] * ring[n + 1] - ring[n] * ring[k + 1];
  }
  return twice / 2;
}
