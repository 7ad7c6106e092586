/** From image to screen and back. Screen coordinates are CSS pixels in the pane. */

import type { Box } from "../mask/contours";
import type { Grid } from "../mask/raster";
import type { Camera } from "../state/view";

export interface Size {
  width: number;
  height: number;
}

/** Show a box of the image whole, with a margin around it. */
export function fitted(grid: Grid, size: Size, box: Box, margin_mm: number): Camera {
  const wide = (box.x1 - box.x0) * grid.sx + 2 * margin_mm;
  const high = (box.y1 - box.y0) * grid.sy + 2 * margin_mm;
  return { x: (box.x0 + box.x1) / 2, y: (box.y0 + box.y1) / 2, scale: Math.min(size.width / wide, size.height / high) };
}

export function whole(grid: Grid): Box {
  return { x0: 0, y0: 0, x1: grid.width, y1: grid.height };
}

export function toImage(grid: Grid, camera: Camera, size: Size, x: number, y: number): [number, number] {
  return [
    camera.x + (x - size.width / 2) / (camera.scale * grid.sx),
    camera.y + (y - size.height / 2) / (camera.scale * grid.sy),
  ];
}

export function toScreen(grid: Grid, camera: Camera, size: Size, x: number, y: number): [number, number] {
  return [
    size.width / 2 + (x - camera.x) * camera.scale * grid.sx,
    size.height / 2 + (y - camera.y) * camera.scale * grid.sy,
  ];
}

/** Set a context so that it draws in pixels of the image; gives the width of one screen pixel in them. */
export function applied(context: CanvasRenderingContext2D, grid: Grid, camera: Camera, size: Size, ratio: number): number {
  const sx = camera.scale * grid.sx;
  const sy = camera.scale * grid.sy;
  context.setTransform(
    ratio * sx, 0, 0, ratio * sy,
    ratio * (size.width / 2 - camera.x * sx), ratio * (size.height / 2 - camera.y * sy),
  );
  return 1 / sx;
}

/** Zoom about a point of the screen. */
export function zoomed(grid: Grid, camera: Camera, size: Size, x: number, y: number, factor: number): Camera {
  const scale = Math.min(40, Math.max(0.2, camera.scale * factor));
  const [ix, iy] = toImage(grid, camera, size, x, y);
  const [nx, ny] = toImage(grid, { ...camera, scale }, size, x, y);
  return { x: camera.x + ix - nx, y: camera.y + iy - ny, scale };
}
