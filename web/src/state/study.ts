/** One open study: its image, its masks, where one looks, and how it is shown. */

import type { Label, Masks, Numbers, Review, SliceRuns, StudyDetail } from "../api/contract";
import { boundingBox, outlines, type Box, type Ring } from "../mask/contours";
import type { Grid } from "../mask/raster";
import { decode } from "../mask/runs";
import { Signal } from "./signal";

export interface Place {
  t: number;
  z: number;
}

export interface Window {
  low: number;
  high: number;
}

/** An outline as readers draw it: the epicardium encloses cavity and myocardium. */
export interface Outlined {
  label: Label;
  /** Values that lie inside this outline. */
  inside: ReadonlySet<number>;
}

export class OpenStudy {
  readonly frames: number;
  readonly slices: number;
  readonly grid: Grid;
  readonly mask: Uint8Array;
  readonly model: Uint8Array;
  readonly image = new Signal<Uint8Array | null>(null);
  readonly place: Signal<Place>;
  readonly numbers: Signal<Numbers>;
  readonly review: Signal<Review>;
  readonly window = new Signal<Window>({ low: 0, high: 255 });
  /** Tells when a slice of the mask has changed. */
  readonly drawn = new Signal(0);
  readonly history: Signal<{ undo: boolean; redo: boolean; version: number; saved: number | null }>;
  readonly outlined: readonly Outlined[];
  /** From the base to the apex, as far as it is known. */
  readonly order: readonly number[];
  readonly #changes: Uint32Array;
  readonly #seen: { change: number; values: ReadonlySet<number>; box: Box | null }[] = [];
  #heart: { drawn: number; box: Box | null } | null = null;
  readonly #rings = new Map<string, { change: number; rings: Ring[]; path: Path2D }>();

  constructor(public detail: StudyDetail) {
    const [frames, slices, height, width] = detail.shape;
    this.frames = frames;
    this.slices = slices;
    this.grid = { width, height, sx: detail.spacing_mm[2], sy: detail.spacing_mm[1] };
    this.mask = new Uint8Array(frames * slices * height * width);
    this.model = new Uint8Array(this.mask.length);
    this.#changes = new Uint32Array(frames * slices);
    this.numbers = new Signal(detail.numbers);
    this.review = new Signal(detail.review);
    this.history = new Signal(history(detail));
    this.outlined = outlinesOf(detail.labels);
    this.order = readingOrder(detail);
    const t = detail.phases.end_diastole ?? 0;
    this.place = new Signal({ t, z: this.order[Math.floor(slices / 2)] });
  }

  get size(): number {
    return this.grid.width * this.grid.height;
  }

  /** View, no copy. */
  slice(of: Uint8Array, t: number, z: number): Uint8Array {
    const start = (t * this.slices + z) * this.size;
    return of.subarray(start, start + this.size);
  }

  /** Count of changes of a slice: what is drawn from it is kept until it grows. */
  changeOf(t: number, z: number): number {
    return this.#changes[t * this.slices + z];
  }

  /** Say that a slice of the mask was written. */
  touched(t: number, z: number): void {
    this.#changes[t * this.slices + z] += 1;
    this.drawn.set(this.drawn.get() + 1);
  }

  put(changed: readonly SliceRuns[]): void {
    for (const [t, z, runs] of changed) {
      decode(runs, this.slice(this.mask, t, z));
      this.touched(t, z);
    }
  }

  /** Take a whole mask from the server. */
  take(masks: Masks, which: "current" | "model"): void {
    const into = which === "model" ? this.model : this.mask;
    into.fill(0);
    for (const [t, z, runs] of masks.slices) decode(runs, this.slice(into, t, z));
    for (let k = 0; k < this.#changes.length; k += 1) this.#changes[k] += 1;
    this.drawn.set(this.drawn.get() + 1);
  }

  /** Take what the server says of the study. */
  told(detail: StudyDetail): void {
    this.detail = detail;
    this.numbers.set(detail.numbers);
    this.review.set(detail.review);
    this.history.set(history(detail));
  }

  /** Outlines of a slice for one structure; kept until the slice changes. */
  outline(of: "mask" | "model", t: number, z: number, which: Outlined): { rings: Ring[]; path: Path2D } {
    const key = `${of} ${t} ${z} ${which.label.value}`;
    const change = of === "mask" ? this.changeOf(t, z) : 0;
    const kept = this.#rings.get(key);
    if (kept && kept.change === change && of === "mask") return kept;
    if (kept && of === "model") return kept;
    const rings = outlines(this.slice(of === "mask" ? this.mask : this.model, t, z), this.grid.width, which.inside);
    const made = { change, rings, path: smoothPath(rings) };
    this.#rings.set(key, made);
    return made;
  }

  /** Whether a slice has this structure, or any. */
  has(t: number, z: number, value: number | null): boolean {
    const { values } = this.#looked(t, z);
    return value === null ? values.size > 0 : values.has(value);
  }

  /** Values in a slice and the box around them; kept until the slice changes. */
  #looked(t: number, z: number): { values: ReadonlySet<number>; box: Box | null } {
    const k = t * this.slices + z;
    const kept = this.#seen[k];
    if (kept && kept.change === this.#changes[k]) return kept;
    const slice = this.slice(this.mask, t, z);
    const values = new Set<number>();
    for (const { value } of this.detail.labels) if (slice.includes(value)) values.add(value);
    const box = values.size > 0 ? boundingBox(slice, this.grid.width, values) : null;
    const made = { change: this.#changes[k], values, box };
    this.#seen[k] = made;
    return made;
  }

  differs(t: number, z: number): boolean {
    const mine = this.slice(this.mask, t, z);
    const theirs = this.slice(this.model, t, z);
    for (let k = 0; k < mine.length; k += 1) if (mine[k] !== theirs[k]) return true;
    return false;
  }

  /** Box around everything that any frame's mask has, or null. */
  heart(): Box | null {
    if (this.#heart && this.#heart.drawn === this.drawn.get()) return this.#heart.box;
    let box: Box | null = null;
    for (let k = 0; k < this.frames * this.slices; k += 1) {
      const part = this.#looked(Math.floor(k / this.slices), k % this.slices).box;
      if (!part) continue;
      box = box
        ? { x0: Math.min(box.x0, part.x0), y0: Math.min(box.y0, part.y0), x1: Math.max(box.x1, part.x1), y1: Math.max(box.y1, part.y1) }
        : part;
    }
    this.#heart = { drawn: this.drawn.get(), box };
    return box;
  }

  /** Name of the phase that a frame is, or null. */
  phase(t: number): "ED" | "ES" | null {
    const { end_diastole, end_systole } = this.numbers.get();
    if (this.frames === 1) return null;
    if (t === (end_diastole ?? this.detail.phases.end_diastole)) return "ED";
    return t === (end_systole ?? this.detail.phases.end_systole) ? "ES" : null;
  }

  /** Frames of end-diastole and end-systole, as they are counted now. */
  phases(): [number, number] {
    const { end_diastole, end_systole } = this.numbers.get();
    return [end_diastole ?? this.detail.phases.end_diastole ?? 0, end_systole ?? this.detail.phases.end_systole ?? 0];
  }

  /** How sure the model is that each structure is in a slice, as far as it says, from 0 to 1. */
  sure(t: number, z: number): { name: string; share: number }[] {
    const phases = this.phases();
    return Object.entries(this.detail.presence ?? {}).flatMap(([name, rows]) => {
      const share = rows[rows.length === this.frames ? t : phases.indexOf(t)]?.[z];
      return typeof share === "number" ? [{ name, share }] : [];
    });
  }

  /** Move; frames go round, slices end. Steps in slices follow the reading order. */
  move(frames: number, slices: number): void {
    const { t, z } = this.place.get();
    const at = Math.min(this.slices - 1, Math.max(0, this.order.indexOf(z) + slices));
    this.place.set({ t: (((t + frames) % this.frames) + this.frames) % this.frames, z: this.order[at] });
  }

  go(t: number | null, z: number | null): void {
    const now = this.place.get();
    if ((t ?? now.t) !== now.t || (z ?? now.z) !== now.z) this.place.set({ t: t ?? now.t, z: z ?? now.z });
  }

  /** The neighbour of a slice towards the base (-1) or the apex (+1), or null. */
  neighbour(z: number, step: number): number | null {
    return this.order[this.order.indexOf(z) + step] ?? null;
  }
}

function history(detail: StudyDetail): { undo: boolean; redo: boolean; version: number; saved: number | null } {
  return { undo: detail.can_undo, redo: detail.can_redo, version: detail.version, saved: detail.saved_version };
}

function readingOrder(detail: StudyDetail): number[] {
  const slices = detail.shape[1];
  const order = Array.from({ length: slices }, (_, z) => z);
  // Base on top: turn the stack if its last slices are said to be on the base's side.
  const told = detail.slices;
  return told && told.length === slices && !told[0].base_side && told[slices - 1].base_side ? order.reverse() : order;
}

/** The outlines of a schema: a wall's outline encloses the cavity inside it. */
function outlinesOf(labels: readonly Label[]): Outlined[] {
  const cavity = labels.find((label) => label.name === "LV");
  return labels.map((label) => ({
    label,
    inside: new Set(label.name === "MYO" && cavity ? [label.value, cavity.value] : [label.value]),
  }));
}

function smoothPath(rings: readonly Ring[]): Path2D {
  const path = new Path2D();
  for (const ring of rings) {
    const n = ring.length;
    path.moveTo((ring[n - 2] + ring[0]) / 2, (ring[n - 1] + ring[1]) / 2);
    for (let k = 0; k < n; k += 2) {
      const m = (k + 2) % n;
      path.quadraticCurveTo(ring[k], ring[k + 1], (ring[k] + ring[m]) / 2, (ring[k + 1] + ring[m + 1]) / 2);
    }
    path.closePath();
  }
  return path;
}
