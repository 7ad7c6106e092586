/** Brush strokes and filled outlines as pixels. Coordinates as in contours.ts. */

import type { Ring } from "./contours";

export interface Grid {
  width: number;
  height: number;
  /** Size of a pixel, in mm. */
  sx: number;
  sy: number;
}

/** Call `visit` with each pixel whose centre is within `radius_mm` of the way from one point to another.
 *
 * The pixels below both ends always belong to it, so that the smallest brush draws one pixel.
 */
export function capsule(
  grid: Grid,
  from: readonly [number, number],
  to: readonly [number, number],
  radius_mm: number,
  visit: (index: number) => void,
): void {
  const { width, height, sx, sy } = grid;
  const x0 = Math.max(0, Math.floor(Math.min(from[0], to[0]) - radius_mm / sx));
  const x1 = Math.min(width - 1, Math.ceil(Math.max(from[0], to[0]) + radius_mm / sx));
  const y0 = Math.max(0, Math.floor(Math.min(from[1], to[1]) - radius_mm / sy));
  const y1 = Math.min(height - 1, Math.ceil(Math.max(from[1], to[1]) + radius_mm / sy));
  const dx = (to[0] - from[0]) * sx;
  const dy = (to[1] - from[1]) * sy;
  const long = dx * dx + dy * dy;
  for (let y = y0; y <= y1; y += 1) {
    for (let x = x0; x <= x1; x += 1) {
      const px = (x + 0.5 - from[0]) * sx;
      const py = (y + 0.5 - from[1]) * sy;
      const share = long > 0 ? Math.min(1, Math.max(0, (px * dx + py * dy) / long)) : 0;
      const ox = px - share * dx;
      const oy = py - share * dy;
      if (ox * ox + oy * oy <= radius_mm * radius_mm) visit(y * width + x);
    }
  }
  for (const [x, y] of [from, to]) {
    const column = Math.floor(x);
    const row = Math.floor(y);
    if (column >= 0 && row >= 0 && column < width && row < height) visit(row * width + column);
  }
}

/** Mark (1) the pixels whose centres lie inside the rings, by the even-odd rule. */
export function filled(grid: Grid, rings: readonly (Ring | readonly number[])[]): Uint8Array {
  const inside = new Uint8Array(grid.width * grid.height);
  for (let y = 0; y < grid.height; y += 1) {
    const level = y + 0.5;
    const crossings: number[] = [];
    for (const ring of rings) {
      for (let k = 0; k < ring.length; k += 2) {
        const n = (k + 2) % ring.length;
        const ya = ring[k + 1];
        const yb = ring[n + 1];
        if (ya <= level === yb <= level) continue;
        crossings.push(ring[k] + ((level - ya) / (yb - ya)) * (ring[n] - ring[k]));
      }
    }
    crossings.sort((a, b) => a - b);
    for (let k = 0; k + 1 < crossings.length; k += 2) {
      const start = Math.max(0, Math.ceil(crossings[k] - 0.5));
      const stop = Math.min(grid.width, Math.ceil(crossings[k + 1] - 0.5));
      if (stop > start) inside.fill(1, y * grid.width + start, y * grid.width + stop);
    }
  }
  return inside;
}

/** Pixels of equal value that hang together with one pixel by their sides, and whether they reach the border. */
export function region(slice: Uint8Array, width: number, start: number): { pixels: number[]; open: boolean } {
  const height = slice.length / width;
  const value = slice[start];
  const seen = new Uint8Array(slice.length);
  const pixels = [start];
  let open = false;
  seen[start] = 1;
  for (let k = 0; k < pixels.length; k += 1) {
    const at = pixels[k];
    const y = Math.floor(at / width);
    const x = at - y * width;
    if (x === 0 || y === 0 || x === width - 1 || y === height - 1) open = true;
    const around = [x > 0 ? at - 1 : -1, x < width - 1 ? at + 1 : -1, y > 0 ? at - width : -1, y < height - 1 ? at + width : -1];
    for (const n of around) {
      if (n < 0 || seen[n] || slice[n] !== value) continue;
      seen[n] = 1;
      pixels.push(n);
    }
  }
  return { pixels, open };
}
