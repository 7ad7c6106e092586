/** The matrix: slices from base to apex, at ED and ES side by side; or all frames of all slices. */

import { fitted, whole } from "../draw/camera";
import { fitCanvas, SliceDrawer } from "../draw/slice";
import { el, say, sign } from "../page/dom";
import type { Session } from "../state/session";
import type { Camera } from "../state/view";
import type { Command } from "../tools/commands";

const GAP = 3;

export class Matrix {
  readonly element: HTMLElement;
  readonly #drawer: SliceDrawer;
  readonly #canvas = el("canvas", { class: "tiles", role: "img" });
  readonly #heads = el("div", { class: "heads" });
  readonly #rows: { z: number; name: HTMLElement; sure: HTMLElement; switch: HTMLButtonElement }[];
  readonly #scroll: HTMLElement;
  readonly #side: HTMLElement;
  #columns = 2;
  #tile = { width: 1, height: 1 };
  #kept = new Map<string, string>();
  #shape = "";

  constructor(readonly session: Session, command: (id: string) => Command | undefined) {
    const { study, view, scope } = session;
    this.#drawer = new SliceDrawer(study);
    const cine = study.frames > 1;
    this.#rows = study.order.map((z, k) => {
      const name = el("span", { class: "number", text: `${k + 1}` });
      const sure = el("span", { class: "sure" });
      const toggle = el("button", { class: "inout", type: "button" });
      toggle.addEventListener("click", () => {
        study.go(null, z);
        command("in-out")?.run();
      }, { signal: scope.signal });
      return { z, name, sure, switch: toggle };
    });
    this.#side = el("div", { class: "side-of-tiles" }, ...this.#rows.map((row) => el("div", { class: "row-head" }, row.name, row.sure, row.switch)));
    this.#scroll = el("div", { class: "tiles-scroll", tabindex: "0", "aria-label": "Slices and frames" , role: "group" },
      el("div", { class: "tiles-inner" }, cine ? this.#side : null, this.#canvas));
    const all = command("all");
    this.element = el("section", { class: "matrix panel", "aria-label": "Slices" },
      el("header", {}, el("h2", { text: "Slices" }), this.#heads, all ? allButton(session, all) : null),
      this.#scroll,
    );
    const ask = scope.whenever(
      [study.drawn, study.image, study.window, study.place, study.numbers, view.shown],
      () => this.#draw(),
    );
    const watch = new ResizeObserver(ask);
    watch.observe(this.#scroll);
    scope.onEnd(() => watch.disconnect());
    this.#canvas.addEventListener("click", (event) => this.#clicked(event), { signal: scope.signal });
  }

  /** Frames in the columns. */
  #frames(): number[] {
    const { study, view } = this.session;
    if (study.frames === 1) return [0];
    if (view.shown.get().allPhases) return Array.from({ length: study.frames }, (_, t) => t);
    const [ed, es] = study.phases();
    return [ed, es];
  }

  #draw(): void {
    const { study, view } = this.session;
    const frames = this.#frames();
    const cine = study.frames > 1;
    const all = cine && view.shown.get().allPhases;
    this.element.classList.toggle("all", all);
    const room = this.#scroll.clientWidth - 12 - (cine ? this.#side.offsetWidth : 0);
    if (room < 20) return;
    const heart = study.heart() ?? whole(study.grid);
    const margin = 14;
    const wide = (heart.x1 - heart.x0) * study.grid.sx + 2 * margin;
    const high = (heart.y1 - heart.y0) * study.grid.sy + 2 * margin;
    this.#columns = cine ? frames.length : Math.max(1, Math.floor(room / 84));
    const width = all ? 64 : Math.floor(room / this.#columns) - GAP;
    const height = Math.round(Math.min(width, Math.max(width * 0.62, (width * high) / wide)));
    this.#tile = { width, height };
    const rows = cine ? study.slices : Math.ceil(study.slices / this.#columns);
    this.#canvas.style.width = `${this.#columns * (width + GAP)}px`;
    this.#canvas.style.height = `${rows * (height + GAP)}px`;
    this.#side.style.setProperty("--row", `${height + GAP}px`);
    this.#paint(frames, fitted(study.grid, this.#tile, heart, margin));
    this.#say(frames, all);
  }

  /** Draw the tiles that have changed since the last time. */
  #paint(frames: readonly number[], camera: Camera): void {
    const { study, view } = this.session;
    const { ratio } = fitCanvas(this.#canvas);
    const { width, height } = this.#tile;
    const shown = { ...view.shown.get(), fill: false };
    const window = study.window.get();
    const shape = [this.#canvas.width, this.#canvas.height, study.image.get() !== null, window.low, window.high, camera.scale, camera.x, camera.y,
      shown.lines, shown.changes, [...shown.hidden].join()].join();
    if (shape !== this.#shape) this.#kept.clear();
    this.#shape = shape;
    const context = this.#canvas.getContext("2d") as CanvasRenderingContext2D;
    const place = study.place.get();
    study.order.forEach((z, k) => {
      const cells = study.frames > 1 ? frames.map((t, c) => [t, c, k] as const) : [[0, k % this.#columns, Math.floor(k / this.#columns)] as const];
      for (const [t, c, r] of cells) {
        const here = t === place.t && z === place.z;
        const state = `${t} ${study.changeOf(t, z)} ${here} ${z === place.z}`;
        if (this.#kept.get(`${c} ${r}`) === state) continue;
        this.#kept.set(`${c} ${r}`, state);
        const part = { left: c * (width + GAP), top: r * (height + GAP), width, height };
        this.#drawer.draw(context, { t, z }, camera, shown, part, ratio, 1.1, true);
        this.#frame(context, part, ratio, here, z === place.z);
        if (study.frames === 1) this.#number(context, part, ratio, `${k + 1}`);
      }
    });
  }

  #frame(
    context: CanvasRenderingContext2D,
    part: { left: number; top: number; width: number; height: number },
    ratio: number,
    here: boolean,
    inRow: boolean,
  ): void {
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(part.left - GAP / 2, part.top + part.height, part.width + GAP, GAP);
    context.clearRect(part.left + part.width, part.top, GAP, part.height + GAP);
    context.lineWidth = here ? 2 : 1;
    context.strokeStyle = here ? "#6cb2ff" : inRow ? "#4d6078" : "#1d232b";
    const inset = context.lineWidth / 2;
    context.strokeRect(part.left + inset, part.top + inset, part.width - 2 * inset, part.height - 2 * inset);
  }

  #number(context: CanvasRenderingContext2D, part: { left: number; top: number }, ratio: number, text: string): void {
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = "600 11px system-ui, sans-serif";
    context.fillStyle = "#c9d3de";
    context.fillText(text, part.left + 5, part.top + 14);
  }

  #say(frames: readonly number[], all: boolean): void {
    const { study } = this.session;
    const place = study.place.get();
    const heads = all || study.frames === 1 ? [] : [`ED · ${frames[0] + 1}`, `ES · ${frames[1] + 1}`];
    if (this.#heads.textContent !== heads.join("")) this.#heads.replaceChildren(...heads.map((text) => el("span", { text })));
    this.#canvas.setAttribute("aria-label",
      `${study.slices} slices${study.frames > 1 ? ` and ${frames.length} frames` : ""}; slice ${study.order.indexOf(place.z) + 1} is shown large. Arrow keys choose another.`);
    for (const row of this.#rows) {
      const inside = study.has(place.t, row.z, null);
      row.name.classList.toggle("here", row.z === place.z);
      row.switch.setAttribute("aria-pressed", String(inside));
      row.switch.setAttribute("aria-label", `Slice ${study.order.indexOf(row.z) + 1} ${inside ? "in" : "out"}`);
      row.switch.title = "In or out, in the frame that is shown (I)";
      say(row.switch, inside ? "in" : "out");
      this.#presence(row.sure, place.t, row.z);
    }
  }

  /** How sure the model is that something is in a slice. */
  #presence(element: HTMLElement, t: number, z: number): void {
    const sure = this.session.study.sure(t, z);
    say(element, sure.length > 0 ? `${Math.round(Math.max(...sure.map(({ share }) => share)) * 100)} %` : "");
    element.title = sure.map(({ name, share }) => `${name}: the model is ${Math.round(share * 100)} % sure that it is here`).join("\n");
  }

  #clicked(event: MouseEvent): void {
    const { study, view } = this.session;
    const c = Math.floor(event.offsetX / (this.#tile.width + GAP));
    const r = Math.floor(event.offsetY / (this.#tile.height + GAP));
    view.play.patch({ on: false });
    if (study.frames > 1) study.go(this.#frames()[c] ?? null, study.order[r] ?? null);
    else study.go(0, study.order[r * this.#columns + c] ?? null);
  }
}

function allButton(session: Session, command: Command): HTMLElement {
  const button = el("button", { class: "quiet", type: "button", "aria-pressed": "false", title: `${command.title} (T)` }, sign("grid"), el("span", { text: "All frames" }));
  button.addEventListener("click", command.run);
  session.scope.whenever([session.view.shown], () => button.setAttribute("aria-pressed", String(session.view.shown.get().allPhases)));
  return button;
}
