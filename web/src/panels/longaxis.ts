/** A long-axis view with the lines of the short-axis slices; a click on it goes to the nearest slice. */

import * as api from "../api/client";
import { fitCanvas } from "../draw/slice";
import { el } from "../page/dom";
import type { LongAxis, Line } from "../api/contract";
import type { Session } from "../state/session";

/** Make the view, hidden until a series is found. */
export function makeLongAxis(session: Session): HTMLElement {
  const { study, view, scope, longAxis } = session;
  const canvas = el("canvas", { role: "img" });
  const choose = el("select", { "aria-label": "Long-axis series" });
  const element = el("div", { class: "long-axis", hidden: true }, canvas, choose);
  let shownPicture: { of: LongAxis; draw: (t: number) => HTMLCanvasElement } | null = null;
  const load = async (): Promise<void> => {
    const found = await api.longAxis(study.detail.id, choose.value);
    shownPicture = { of: found, draw: pictures(found) };
    longAxis.set(found);
  };
  const failed = (error: Error): void => session.notice.set({ text: error.message, kind: "care" });
  choose.addEventListener("change", () => void load().catch(failed));
  if (study.frames > 1 && study.detail.image.available) {
    api.longAxes(study.detail.id).then(async ({ long_axes: listed }) => {
      if (listed.length === 0 || scope.signal.aborted) return;
      choose.replaceChildren(...listed.map((one) => el("option", { value: one.id, text: one.name })));
      await load();
    }).catch(failed);
  }
  const ask = scope.whenever([longAxis, study.place, view.shown], () => {
    const found = longAxis.get();
    element.hidden = !view.shown.get().longAxis || !found;
    if (!found || element.hidden) return;
    const { width, height, ratio } = fitCanvas(canvas);
    const context = canvas.getContext("2d") as CanvasRenderingContext2D;
    const place = placed(found, width, height);
    const { t, z } = study.place.get();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = "#05070a";
    context.fillRect(0, 0, width, height);
    if (shownPicture?.of === found) {
      const frame = Math.min(found.shape[0] - 1, Math.round((t * found.shape[0]) / study.frames));
      context.drawImage(shownPicture.draw(frame), place.left, place.top, found.shape[2] * place.x, found.shape[1] * place.y);
    }
    found.lines.forEach((line, k) => line && stroke(context, line, place, k === z));
    canvas.setAttribute("aria-label", `Long-axis view; the line of slice ${study.order.indexOf(z) + 1} is bright`);
  });
  const watch = new ResizeObserver(ask);
  watch.observe(canvas);
  scope.onEnd(() => watch.disconnect());
  canvas.addEventListener("pointerdown", (event) => {
    const found = longAxis.get();
    if (!found) return;
    const place = placed(found, canvas.clientWidth, canvas.clientHeight);
    const x = (event.offsetX - place.left) / place.x;
    const y = (event.offsetY - place.top) / place.y;
    let best = { z: -1, distance: Number.POSITIVE_INFINITY };
    found.lines.forEach((line, z) => {
      const distance = line ? away(line, x, y) : Number.POSITIVE_INFINITY;
      if (distance < best.distance) best = { z, distance };
    });
    if (best.z >= 0) study.go(null, best.z);
  });
  return element;
}

interface Placed {
  x: number;
  y: number;
  left: number;
  top: number;
}

function placed(found: LongAxis, width: number, height: number): Placed {
  const scale = Math.min(width / (found.shape[2] * found.spacing_mm[1]), height / (found.shape[1] * found.spacing_mm[0]));
  const x = scale * found.spacing_mm[1];
  const y = scale * found.spacing_mm[0];
  return { x, y, left: (width - found.shape[2] * x) / 2, top: (height - found.shape[1] * y) / 2 };
}

function stroke(context: CanvasRenderingContext2D, line: Line, place: Placed, here: boolean): void {
  context.strokeStyle = here ? "#ffd75e" : "rgb(255 215 94 / 38%)";
  context.lineWidth = here ? 2 : 1;
  context.beginPath();
  context.moveTo(place.left + (line[0][1] + 0.5) * place.x, place.top + (line[0][0] + 0.5) * place.y);
  context.lineTo(place.left + (line[1][1] + 0.5) * place.x, place.top + (line[1][0] + 0.5) * place.y);
  context.stroke();
}

function away(line: Line, x: number, y: number): number {
  const [[y0, x0], [y1, x1]] = line;
  const long = Math.hypot(x1 - x0, y1 - y0) || 1;
  return Math.abs((x1 - x0) * (y - y0) - (y1 - y0) * (x - x0)) / long;
}

/** Gives the picture of a frame; one canvas holds them in turn. */
function pictures(found: LongAxis): (t: number) => HTMLCanvasElement {
  const [, height, width] = found.shape;
  const grey = Uint8Array.from(atob(found.image), (sign) => sign.charCodeAt(0));
  const canvas = el("canvas", { width, height });
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  const pixels = context.createImageData(width, height);
  const words = new Uint32Array(pixels.data.buffer);
  let now = -1;
  return (t) => {
    if (t !== now) {
      for (let k = 0; k < words.length; k += 1) {
        const value = grey[t * words.length + k];
        words[k] = ((255 << 24) | (value << 16) | (value << 8) | value) >>> 0;
      }
      context.putImageData(pixels, 0, 0);
      now = t;
    }
    return canvas;
  };
}
