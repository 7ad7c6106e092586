/** A contour that one drags: points near the hand move with it, those further along the line less and less. */

import type { Ring } from "./contours";

export interface Hold {
  ring: number;
  /** Index of the point that is held. */
  point: number;
  distance_mm: number;
}

/** Find the point of all rings that is nearest, or null where there is none. */
export function nearest(rings: readonly Ring[], x: number, y: number, sx: number, sy: number): Hold | null {
  let best: Hold | null = null;
  rings.forEach((ring, r) => {
    for (let k = 0; k < ring.length; k += 2) {
      const distance = Math.hypot((ring[k] - x) * sx, (ring[k + 1] - y) * sy);
      if (!best || distance < best.distance_mm) best = { ring: r, point: k / 2, distance_mm: distance };
    }
  });
  return best;
}

/** Move a ring's held point by (dx, dy) pixels; others follow by a bell of the way along the line.
 *
 * @param reach_mm - one standard deviation of the bell
 */
export function pulled(ring: Ring, point: number, dx: number, dy: number, reach_mm: number, sx: number, sy: number): Ring {
  const count = ring.length / 2;
  const step = (a: number, b: number): number =>
    Math.hypot((ring[2 * a] - ring[2 * b]) * sx, (ring[2 * a + 1] - ring[2 * b + 1]) * sy);
  const away = new Float64Array(count).fill(Number.POSITIVE_INFINITY);
  away[point] = 0;
  for (const way of [1, count - 1]) {
    let sum = 0;
    for (let n = 1, at = point; n < count; n += 1) {
      const following = (at + way) % count;
      sum += step(at, following);
      if (sum > 4 * reach_mm) break;
      away[following] = Math.min(away[following], sum);
      at = following;
    }
  }
  const moved = Float32Array.from(ring);
  for (let k = 0; k < count; k += 1) {
    const weight = Math.exp(-0.5 * (away[k] / reach_mm) ** 2);
    moved[2 * k] += weight * dx;
    moved[2 * k + 1] += weight * dy;
  }
  return moved;
}
