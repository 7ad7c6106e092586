/** Volumes over the beat: they move with the frame, and a click goes to a frame. */

import { onDark } from "../draw/colours";
import { fitCanvas } from "../draw/slice";
import { el, say } from "../page/dom";
import type { Session } from "../state/session";

const PAD = { left: 50, right: 12, top: 12, bottom: 20 };

export class Curve {
  readonly element: HTMLElement;
  readonly #canvas = el("canvas", { "aria-hidden": "true" });
  readonly #slider: HTMLElement;
  readonly legend = el("ul", { class: "legend" });

  constructor(readonly session: Session) {
    const { study, view, scope } = session;
    this.#slider = el("div", {
      class: "slider", role: "slider", tabindex: "0", "aria-label": "Frame",
      "aria-valuemin": "1", "aria-valuemax": `${study.frames}`,
    }, this.#canvas);
    this.element = el("div", { class: "curve" }, this.#slider);
    const ask = scope.whenever([study.place, study.numbers, view.shown], () => this.#draw());
    const watch = new ResizeObserver(ask);
    watch.observe(this.#canvas);
    scope.onEnd(() => watch.disconnect());
    this.#listen();
  }

  #listen(): void {
    const { study, view, scope } = this.session;
    const { signal } = scope;
    const go = (event: PointerEvent): void => {
      const box = this.#canvas.getBoundingClientRect();
      const share = (event.clientX - box.left - PAD.left) / (box.width - PAD.left - PAD.right);
      view.play.patch({ on: false });
      study.go(Math.min(study.frames - 1, Math.max(0, Math.round(share * (study.frames - 1)))), null);
    };
    this.#slider.addEventListener("pointerdown", (event) => {
      this.#slider.setPointerCapture(event.pointerId);
      go(event);
    }, { signal });
    this.#slider.addEventListener("pointermove", (event) => event.buttons & 1 && go(event), { signal });
    this.#slider.addEventListener("wheel", (event) => {
      event.preventDefault();
      study.move(Math.sign(event.deltaY || event.deltaX), 0);
    }, { signal, passive: false });
    this.#slider.addEventListener("keydown", (event) => {
      const steps: Record<string, number> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, Home: -study.place.get().t, End: study.frames - 1 - study.place.get().t };
      if (!(event.key in steps) || event.shiftKey || event.ctrlKey) return;
      event.preventDefault();
      event.stopPropagation();
      view.play.patch({ on: false });
      study.move(steps[event.key], 0);
    }, { signal });
  }

  #draw(): void {
    const { study, view } = this.session;
    const { t } = study.place.get();
    const now = study.numbers.get().volumes_ml;
    const before = study.detail.original_numbers.volumes_ml;
    const lines = study.detail.labels.filter((label) => now[label.name]?.some((v) => v !== null));
    const { width, height, ratio } = fitCanvas(this.#canvas);
    const context = this.#canvas.getContext("2d") as CanvasRenderingContext2D;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    const values = lines.flatMap((label) => [...(now[label.name] ?? []), ...(before[label.name] ?? [])]).filter((v): v is number => v !== null);
    const most = niceTop(Math.max(10, ...values));
    const x = (frame: number): number => PAD.left + (frame / Math.max(1, study.frames - 1)) * (width - PAD.left - PAD.right);
    const y = (ml: number): number => height - PAD.bottom - (ml / most) * (height - PAD.top - PAD.bottom);
    this.#grid(context, most, width, y);
    const phases = study.phases();
    this.#marks(context, phases, x, height);
    for (const label of lines) {
      const hidden = view.shown.get().hidden.has(label.value);
      context.globalAlpha = hidden ? 0.25 : 1;
      context.strokeStyle = onDark(label.colour);
      this.#line(context, before[label.name] ?? [], x, y, 1, [3, 4]);
      this.#line(context, now[label.name] ?? [], x, y, 2, []);
      const here = now[label.name]?.[t];
      if (typeof here === "number") {
        context.fillStyle = onDark(label.colour);
        context.beginPath();
        context.arc(x(t), y(here), 4, 0, 2 * Math.PI);
        context.fill();
      }
    }
    context.globalAlpha = 1;
    context.strokeStyle = "#ffffff";
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(Math.round(x(t)) + 0.5, PAD.top - 6);
    context.lineTo(Math.round(x(t)) + 0.5, height - PAD.bottom);
    context.stroke();
    this.#say(lines.map((label) => ({ name: label.name, colour: onDark(label.colour), ml: now[label.name]?.[t] ?? null })));
  }

  #grid(context: CanvasRenderingContext2D, most: number, width: number, y: (ml: number) => number): void {
    context.font = "11px system-ui, sans-serif";
    context.fillStyle = "#a3afbd";
    context.strokeStyle = "#262d37";
    context.lineWidth = 1;
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (let k = 0; k <= 2; k += 1) {
      const ml = (most * k) / 2;
      const at = Math.round(y(ml)) + 0.5;
      context.beginPath();
      context.moveTo(PAD.left, at);
      context.lineTo(width - PAD.right, at);
      context.stroke();
      context.fillText(k === 2 ? `${ml} ml` : `${ml}`, PAD.left - 6, at);
    }
  }

  #marks(context: CanvasRenderingContext2D, phases: readonly number[], x: (t: number) => number, height: number): void {
    context.textAlign = "center";
    context.textBaseline = "alphabetic";
    context.setLineDash([2, 3]);
    ["ED", "ES"].forEach((name, k) => {
      context.strokeStyle = "#5b6878";
      context.beginPath();
      context.moveTo(x(phases[k]), PAD.top);
      context.lineTo(x(phases[k]), height - PAD.bottom);
      context.stroke();
      context.fillStyle = "#c9d3de";
      context.fillText(name, x(phases[k]), height - 6);
    });
    context.setLineDash([]);
  }

  #line(
    context: CanvasRenderingContext2D,
    values: readonly (number | null)[],
    x: (t: number) => number,
    y: (ml: number) => number,
    wide: number,
    dash: number[],
  ): void {
    context.lineWidth = wide;
    context.lineJoin = "round";
    context.setLineDash(dash);
    context.beginPath();
    let drawing = false;
    values.forEach((value, t) => {
      if (value === null) drawing = false;
      else {
        if (drawing) context.lineTo(x(t), y(value));
        else context.moveTo(x(t), y(value));
        drawing = true;
      }
    });
    context.stroke();
    context.setLineDash([]);
  }

  #say(lines: { name: string; colour: string; ml: number | null }[]): void {
    const { study } = this.session;
    const { t } = study.place.get();
    const text = lines.map((line) => `${line.name} ${line.ml === null ? "–" : line.ml.toFixed(1)} ml`);
    this.#slider.setAttribute("aria-valuenow", `${t + 1}`);
    this.#slider.setAttribute("aria-valuetext", `Frame ${t + 1} of ${study.frames}${study.phase(t) ? `, ${study.phase(t)}` : ""}: ${text.join(", ")}`);
    if (this.legend.childElementCount !== lines.length) {
      this.legend.replaceChildren(...lines.map((line) => {
        const dot = el("span", { class: "dot" });
        dot.style.background = line.colour;
        return el("li", {}, dot, el("span", {}));
      }));
    }
    text.forEach((one, k) => say(this.legend.children[k].lastElementChild as Element, one));
  }
}

function niceTop(most: number): number {
  const step = 10 ** Math.floor(Math.log10(most));
  return [1, 2, 2.5, 4, 5, 6, 8, 10].map((k) => k * step).find((top) => top >= most) ?? most;
}
