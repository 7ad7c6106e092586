/** The large pane: one slice of one frame, and all that the hand does to it. */

import { applied, fitted, toImage, whole, zoomed, type Size } from "../draw/camera";
import { onDark } from "../draw/colours";
import { fitCanvas, SliceDrawer } from "../draw/slice";
import { encode } from "../mask/runs";
import { el, say } from "../page/dom";
import { tell, type Session } from "../state/session";
import type { Camera } from "../state/view";
import { startStroke, type Point, type Stroke } from "../tools/strokes";

const WHEEL_STEP = 60;
const TOUCH_HINT = "One finger draws · two fingers move and zoom · with a pen, a finger moves";
const HINT = "Left button: draw · wheel: slices · Shift + wheel: frames · Ctrl + wheel: zoom · right button: window\nI: slice in or out · Ctrl Z: undo · A: accept and save · J: next study · ?: all keys";

export class Pane {
  readonly element: HTMLElement;
  readonly canvas = el("canvas", { tabindex: "0", id: "pane", role: "img", "aria-describedby": "pane-where" });
  readonly #drawer: SliceDrawer;
  readonly #where = el("p", { class: "where", id: "pane-where" });
  readonly #level = el("p", { class: "level" });
  readonly #missing = el("p", { class: "missing", hidden: true });
  #size: Size = { width: 1, height: 1 };
  #hover: Point | null = null;
  #stroke: { stroke: Stroke; before: Uint8Array; t: number; z: number } | null = null;
  #drag: { kind: "pan" | "window"; x: number; y: number } | null = null;
  /** Pointer that draws or drags: others do not disturb it. */
  #active: { id: number; type: string } | null = null;
  readonly #fingers = new Map<number, Point>();
  #pinch: { distance: number; x: number; y: number } | null = null;
  #wheel = 0;
  readonly #redraw: () => void;

  constructor(readonly session: Session) {
    const { study, view, scope } = session;
    this.#drawer = new SliceDrawer(study);
    const edges = study.detail.orientation;
    this.element = el(
      "div",
      { class: "pane" },
      this.canvas,
      this.#where,
      this.#level,
      this.#missing,
      el("p", { class: "hint", text: study.frames > 1 ? HINT : HINT.replace(" · Shift + wheel: frames", "") }),
      el("p", { class: "hint touch", text: TOUCH_HINT }),
      ...(edges ? (["left", "right", "top", "bottom"] as const).map((side) => el("span", { class: `edge ${side}`, text: edges[side] })) : []),
    );
    const listened = [
      study.place, study.drawn, study.image, study.window, study.numbers, view.shown, view.camera, view.hand, view.cursor, view.mark,
      session.longAxis, view.play,
    ];
    this.#redraw = scope.whenever(listened, () => this.#draw());
    const watch = new ResizeObserver(() => this.#redraw());
    watch.observe(this.canvas);
    scope.onEnd(() => watch.disconnect());
    this.#listen();
  }

  /** Camera now; the first one shows the heart. */
  camera(): Camera {
    const kept = this.session.view.camera.get();
    return kept ?? this.fit("heart");
  }

  fit(what: "heart" | "image"): Camera {
    const { study } = this.session;
    const heart = what === "heart" ? study.heart() : null;
    return heart ? fitted(study.grid, this.#size, heart, 22) : fitted(study.grid, this.#size, whole(study.grid), 0);
  }

  zoom(factor: number): void {
    const { width, height } = this.#size;
    this.session.view.camera.set(zoomed(this.session.study.grid, this.camera(), this.#size, width / 2, height / 2, factor));
  }

  /** Give up the stroke in progress. */
  cancel(): boolean {
    if (!this.#stroke) return false;
    const { before, t, z } = this.#stroke;
    this.#stroke = null;
    this.#write(before, t, z);
    return true;
  }

  /** Move the keyboard's cursor; it draws while it is down. */
  step(dx: number, dy: number): void {
    const { view, study } = this.session;
    const cursor = view.cursor.get();
    if (!cursor) return;
    const x = Math.min(study.grid.width - 0.5, Math.max(0.5, cursor.x + dx));
    const y = Math.min(study.grid.height - 0.5, Math.max(0.5, cursor.y + dy));
    view.cursor.set({ ...cursor, x, y });
    if (this.#stroke) this.#continue([[x, y]]);
  }

  /** Put the keyboard's pen down, or lift it. */
  press(): void {
    const { view } = this.session;
    const cursor = view.cursor.get();
    if (!cursor) return;
    if (this.#stroke) this.#finish();
    else this.#start([cursor.x, cursor.y], false);
    if (view.hand.get().tool === "fill") this.#finish();
    view.cursor.set({ ...cursor, down: this.#stroke !== null });
  }

  #listen(): void {
    const { canvas } = this;
    const { signal } = this.session.scope;
    canvas.addEventListener("pointerdown", (event) => this.#down(event), { signal });
    canvas.addEventListener("pointermove", (event) => this.#moved(event), { signal });
    for (const end of ["pointerup", "pointercancel"] as const) {
      canvas.addEventListener(end, (event) => this.#up(event), { signal });
    }
    canvas.addEventListener("pointerleave", () => ((this.#hover = null), this.#redraw()), { signal });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault(), { signal });
    canvas.addEventListener("wheel", (event) => this.#wheeled(event), { signal, passive: false });
    canvas.addEventListener("dblclick", () => {
      const { tool } = this.session.view.hand.get();
      if (tool === "pan") this.session.view.camera.set(this.fit("heart"));
      if (tool === "window") this.session.study.window.set({ low: 0, high: 255 });
    }, { signal });
  }

  #at(event: PointerEvent | WheelEvent): { screen: Point; image: Point } {
    const box = this.canvas.getBoundingClientRect();
    const screen: Point = [event.clientX - box.left, event.clientY - box.top];
    return { screen, image: toImage(this.session.study.grid, this.camera(), this.#size, ...screen) };
  }

  #down(event: PointerEvent): void {
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.focus({ preventScroll: true });
    event.preventDefault();
    const { screen, image } = this.#at(event);
    const touches = event.pointerType === "touch";
    if (touches) {
      if (this.#active && this.#active.type !== "touch") return; // the palm of the hand that draws
      this.#fingers.set(event.pointerId, screen);
      if (this.#fingers.size > 1) {
        this.cancel();
        this.#drag = this.#active = null;
        this.#pinch = this.#fingers.size === 2 ? this.#twoFingers() : null;
        return;
      }
    } else if (this.#active) {
      this.cancel(); // the palm was first
      this.#fingers.clear();
      this.#drag = this.#pinch = null;
    }
    if (event.pointerType === "pen") this.session.view.pen = true;
    this.#active = { id: event.pointerId, type: event.pointerType };
    const { tool } = this.session.view.hand.get();
    const moves = event.button === 1 || tool === "pan" || (touches && this.session.view.pen && tool !== "window");
    const kind = moves ? "pan" : event.button === 2 || tool === "window" ? "window" : null;
    if (kind) this.#drag = { kind, x: event.clientX, y: event.clientY };
    else this.#start(image, event.altKey || event.button === 5);
  }

  #moved(event: PointerEvent): void {
    const { screen, image } = this.#at(event);
    const mine = this.#active?.id === event.pointerId;
    if (mine || !this.#active) this.#hover = image;
    if (this.#fingers.has(event.pointerId)) this.#fingers.set(event.pointerId, screen);
    if (this.#pinch && this.#fingers.has(event.pointerId)) this.#pinched();
    else if (mine && this.#drag) this.#dragged(event);
    else if (mine && this.#stroke && !this.session.view.cursor.get()?.down) {
      const steps = event.getCoalescedEvents?.() ?? [];
      this.#continue((steps.length > 0 ? steps : [event]).map((step) => this.#at(step).image));
    }
    this.#redraw();
  }

  #up(event: PointerEvent): void {
    this.#fingers.delete(event.pointerId);
    if (this.#fingers.size < 2) this.#pinch = null;
    if (event.pointerType === "touch") this.#hover = null;
    if (this.#active?.id !== event.pointerId) return;
    this.#drag = this.#active = null;
    if (event.type === "pointercancel") this.cancel();
    else if (this.#stroke) this.#finish();
  }

  #start(at: Point, erase: boolean): void {
    const { study, view } = this.session;
    if (view.play.get().on) view.play.patch({ on: false });
    const { t, z } = study.place.get();
    const before = study.slice(study.mask, t, z).slice();
    const stroke = startStroke(view.hand.get(), before, study.grid, study.outlined, at, erase);
    if (typeof stroke === "string") {
      if (stroke) tell(this.session, stroke, "care");
      return;
    }
    this.#stroke = { stroke, before, t, z };
    if (!stroke.line) this.#write(stroke.result(), t, z);
  }

  #continue(points: readonly Point[]): void {
    if (!this.#stroke) return;
    const { stroke, t, z } = this.#stroke;
    for (const point of points) stroke.move(point);
    if (!stroke.line) this.#write(stroke.result(), t, z);
    this.#redraw();
  }

  #finish(): void {
    if (!this.#stroke) return;
    const { stroke, before, t, z } = this.#stroke;
    this.#stroke = null;
    const after = stroke.result();
    if (after.every((value, k) => value === before[k])) this.#write(before, t, z);
    else this.session.edits.edit({ action: "paint", changes: [[t, z, encode(after)]] });
  }

  #write(slice: Uint8Array, t: number, z: number): void {
    const { study } = this.session;
    study.slice(study.mask, t, z).set(slice);
    study.touched(t, z);
  }

  #dragged(event: PointerEvent): void {
    const drag = this.#drag;
    if (!drag) return;
    const dx = event.clientX - drag.x;
    const dy = event.clientY - drag.y;
    this.#drag = { ...drag, x: event.clientX, y: event.clientY };
    if (drag.kind === "pan") this.#pan(dx, dy);
    else {
      const { low, high } = this.session.study.window.get();
      const wide = Math.max(4, high - low + dx * 0.8);
      const centre = (low + high) / 2 - dy * -0.6;
      this.session.study.window.set({ low: centre - wide / 2, high: centre + wide / 2 });
    }
  }

  #pan(dx: number, dy: number): void {
    const { grid } = this.session.study;
    const camera = this.camera();
    this.session.view.camera.set({
      ...camera,
      x: camera.x - dx / (camera.scale * grid.sx),
      y: camera.y - dy / (camera.scale * grid.sy),
    });
  }

  #twoFingers(): { distance: number; x: number; y: number } {
    const [a, b] = [...this.#fingers.values()];
    return { distance: Math.hypot(a[0] - b[0], a[1] - b[1]), x: (a[0] + b[0]) / 2, y: (a[1] + b[1]) / 2 };
  }

  #pinched(): void {
    const before = this.#pinch;
    if (!before) return;
    const now = this.#twoFingers();
    this.#pinch = now;
    this.#pan(now.x - before.x, now.y - before.y);
    const factor = now.distance / Math.max(1, before.distance);
    this.session.view.camera.set(zoomed(this.session.study.grid, this.camera(), this.#size, now.x, now.y, factor));
  }

  #wheeled(event: WheelEvent): void {
    event.preventDefault();
    const { study, view } = this.session;
    const by = event.deltaMode === 1 ? event.deltaY * 20 : event.deltaY || event.deltaX;
    if (event.ctrlKey || event.metaKey) {
      const { screen } = this.#at(event);
      view.camera.set(zoomed(study.grid, this.camera(), this.#size, ...screen, Math.exp(-by / 300)));
      return;
    }
    this.#wheel += by;
    const steps = Math.trunc(this.#wheel / WHEEL_STEP);
    if (steps === 0) return;
    this.#wheel -= steps * WHEEL_STEP;
    if (event.shiftKey) study.move(Math.sign(steps), 0);
    else study.move(0, Math.sign(steps));
  }

  #draw(): void {
    const { study, view } = this.session;
    const { ratio, ...size } = fitCanvas(this.canvas);
    const first = view.camera.get() === null && size.width > 1;
    const resized = size.width !== this.#size.width || size.height !== this.#size.height;
    const factor = resized && this.#size.width > 1 ? Math.min(size.width / this.#size.width, size.height / this.#size.height) : 1;
    this.#size = size;
    const camera = view.camera.get();
    if (first) view.camera.set(this.fit("heart"));
    else if (camera && resized && factor !== 1) view.camera.set({ ...camera, scale: camera.scale * factor });
    const context = this.canvas.getContext("2d") as CanvasRenderingContext2D;
    const place = study.place.get();
    this.#drawer.draw(context, place, this.camera(), view.shown.get(), { ...size, left: 0, top: 0 }, ratio, 1.75, view.play.get().on);
    const pixel = applied(context, study.grid, this.camera(), size, ratio);
    this.#overlay(context, pixel);
    context.setTransform(1, 0, 0, 1, 0, 0);
    this.#say();
  }

  #overlay(context: CanvasRenderingContext2D, pixel: number): void {
    const { study, view, longAxis } = this.session;
    const hand = view.hand.get();
    const { z } = study.place.get();
    const mine = study.outlined.find((one) => one.label.value === hand.value);
    const colour = mine ? onDark(mine.label.colour) : "#ffffff";
    const line = view.shown.get().longAxis ? longAxis.get()?.sax_lines[z] : null;
    context.lineWidth = 1.25 * pixel;
    if (line) {
      context.strokeStyle = "#ffd75e";
      context.setLineDash([7 * pixel, 5 * pixel]);
      context.beginPath();
      context.moveTo(line[0][1] + 0.5, line[0][0] + 0.5);
      context.lineTo(line[1][1] + 0.5, line[1][0] + 0.5);
      context.stroke();
      context.setLineDash([]);
    }
    const draft = this.#stroke?.stroke.line;
    if (draft) {
      context.strokeStyle = "#ffffff";
      context.lineWidth = 2 * pixel;
      context.beginPath();
      for (let k = 0; k < draft.points.length; k += 2) context.lineTo(draft.points[k], draft.points[k + 1]);
      if (hand.tool === "pull") context.closePath();
      context.stroke();
    }
    const cursor = view.cursor.get();
    const at: Point | null = cursor ? [cursor.x, cursor.y] : this.#hover;
    if (at && (hand.tool === "brush" || hand.tool === "eraser")) this.#brush(context, at, pixel, hand.tool === "eraser" ? "#ffffff" : colour);
    if (cursor) this.#cross(context, at as Point, pixel, cursor.down);
    const none = ["brush", "eraser"].includes(hand.tool) && hand.diameter_mm * this.camera().scale > 10;
    this.canvas.style.cursor = hand.tool === "pan" ? "grab" : none ? "none" : "crosshair";
  }

  #brush(context: CanvasRenderingContext2D, at: Point, pixel: number, colour: string): void {
    const { grid } = this.session.study;
    const radius = Math.max(0.5 * grid.sx, this.session.view.hand.get().diameter_mm / 2);
    for (const [style, wide] of [["rgb(0 0 0 / 70%)", 3], [colour, 1.5]] as const) {
      context.strokeStyle = style;
      context.lineWidth = wide * pixel;
      context.beginPath();
      context.ellipse(at[0], at[1], radius / grid.sx, radius / grid.sy, 0, 0, 2 * Math.PI);
      context.stroke();
    }
  }

  #cross(context: CanvasRenderingContext2D, at: Point, pixel: number, down: boolean): void {
    const arm = (down ? 9 : 14) * pixel;
    for (const [style, wide] of [["#000000", 4], ["#ffffff", 1.5]] as const) {
      context.strokeStyle = style;
      context.lineWidth = wide * pixel;
      context.beginPath();
      context.moveTo(at[0] - arm, at[1]);
      context.lineTo(at[0] + arm, at[1]);
      context.moveTo(at[0], at[1] - arm);
      context.lineTo(at[0], at[1] + arm);
      context.stroke();
    }
  }

  #say(): void {
    const { study, view } = this.session;
    const { t, z } = study.place.get();
    const phase = study.phase(t);
    const time = study.detail.frame_times_ms?.[t];
    const frame = study.frames > 1
      ? ` · frame ${t + 1} of ${study.frames}${phase ? ` · ${phase}` : ""}${time === undefined ? "" : ` · ${Math.round(time)} ms`}`
      : "";
    const where = `Slice ${study.order.indexOf(z) + 1} of ${study.slices}${frame}`;
    say(this.#where, where);
    this.canvas.setAttribute("aria-label", `${where}. ${this.#structures(t, z)}`);
    const { low, high } = study.window.get();
    const changed = low !== 0 || high !== 255;
    say(this.#level, view.shown.get().changes ? "Added: cyan · taken away: orange · other structure: white · the model’s contour: dashed" : view.mark.get() ? `Mark: slice ${study.order.indexOf(view.mark.get()?.z ?? 0) + 1}, frame ${(view.mark.get()?.t ?? 0) + 1}`
      : changed ? `Window ${Math.round(high - low)} · level ${Math.round((low + high) / 2)}` : "");
    this.#missing.hidden = study.detail.image.available;
    say(this.#missing, study.detail.image.message ?? "");
  }

  #structures(t: number, z: number): string {
    const { study } = this.session;
    const there = study.outlined.filter((one) => study.has(t, z, one.label.value)).map((one) => one.label.name);
    return there.length > 0 ? `Drawn here: ${there.join(", ")}` : "Nothing is drawn here";
  }
}
