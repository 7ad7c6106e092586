/** One slice with everything over it: image, structures, outlines, changes. Used by the pane and by all small pictures. */

import type { OpenStudy } from "../state/study";
import type { Camera, Shown } from "../state/view";
import { applied, type Size } from "./camera";
import { onDark } from "./colours";
import { Difference, Picture } from "./picture";

/** What a stroke in progress shows in place of a structure's own outline. */
export interface Draft {
  path: Path2D;
  colour: string;
  dashed: boolean;
}

export class SliceDrawer {
  readonly #picture: Picture;
  readonly #difference: Difference;

  constructor(readonly study: OpenStudy) {
    const { width, height } = study.grid;
    this.#picture = new Picture(width, height);
    this.#difference = new Difference(width, height);
  }

  /** Draw a slice into a part of a canvas; sizes and positions in CSS pixels. */
  draw(
    context: CanvasRenderingContext2D,
    place: { t: number; z: number },
    camera: Camera,
    shown: Shown,
    part: Size & { left: number; top: number },
    ratio: number,
    line_px = 1.75,
    quick = false,
  ): void {
    const { study } = this;
    const { grid } = study;
    context.save();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.beginPath();
    context.rect(part.left, part.top, part.width, part.height);
    context.clip();
    context.fillStyle = "#05070a";
    context.fillRect(part.left, part.top, part.width, part.height);
    const moved = { ...camera, x: camera.x - part.left / (camera.scale * grid.sx), y: camera.y - part.top / (camera.scale * grid.sy) };
    const pixel = applied(context, grid, moved, part, ratio);
    context.imageSmoothingEnabled = camera.scale * grid.sx < 14;
    context.imageSmoothingQuality = quick ? "low" : "high";
    context.drawImage(this.#picture.show(study, place.t, place.z), 0, 0);
    for (const which of study.outlined) {
      if (shown.hidden.has(which.label.value)) continue;
      const { path } = study.outline("mask", place.t, place.z, which);
      const colour = onDark(which.label.colour);
      if (shown.fill && !shown.changes && which.inside.size === 1) {
        context.globalAlpha = 0.13;
        context.fillStyle = colour;
        context.fill(path, "evenodd");
        context.globalAlpha = 1;
      }
      if (!shown.lines) continue;
      context.lineJoin = "round";
      context.lineWidth = line_px * pixel;
      context.strokeStyle = colour;
      context.stroke(path);
    }
    if (shown.changes) this.#changes(context, place, shown, pixel, line_px);
    context.restore();
  }

  #changes(
    context: CanvasRenderingContext2D,
    place: { t: number; z: number },
    shown: Shown,
    pixel: number,
    line_px: number,
  ): void {
    context.imageSmoothingEnabled = false;
    context.drawImage(this.#difference.show(this.study, place.t, place.z), 0, 0);
    context.setLineDash([4 * pixel, 4 * pixel]);
    context.lineWidth = 0.75 * line_px * pixel;
    context.strokeStyle = "#ffffff";
    for (const which of this.study.outlined) {
      if (!shown.hidden.has(which.label.value)) context.stroke(this.study.outline("model", place.t, place.z, which).path);
    }
    context.setLineDash([]);
  }
}

/** Give a canvas as many pixels as the screen has below it. Setting a size clears it, so only where it changed. */
export function fitCanvas(canvas: HTMLCanvasElement): Size & { ratio: number } {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(1, canvas.clientWidth);
  const height = Math.max(1, canvas.clientHeight);
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  return { width, height, ratio };
}
