/** Edits on their way to the server: one after the other, kept until they have arrived, tried again while it is away. */

import * as api from "../api/client";
import type { Answer, Edit, SliceRuns } from "../api/contract";
import { decode } from "../mask/runs";
import { Signal } from "./signal";
import type { OpenStudy } from "./study";

export type Pending = { kind: "edit"; edit: Edit } | { kind: "undo" } | { kind: "redo" };

export type Line =
  | { state: "quiet" }
  | { state: "sending" }
  | { state: "away"; waiting: number }
  | { state: "locked" }
  | { state: "conflict"; lost: Pending[] };

const WAITS_MS = [400, 800, 1500, 3000];

export class EditLine {
  readonly line = new Signal<Line>({ state: "quiet" });
  /** Last refusal, for the reader. */
  readonly refused = new Signal<{ text: string } | null>(null);
  /** Milliseconds from each edit to the numbers that follow from it, newest last. */
  readonly times_ms: number[] = [];
  readonly #waiting: { pending: Pending; since: number }[] = [];
  #running: Promise<void> | null = null;
  #ended = false;

  constructor(readonly study: OpenStudy, readonly reader: Signal<string>) {}

  /** Send an edit. What is painted is shown at once; other edits when the server has made them. */
  push(pending: Pending): void {
    if (pending.kind === "edit" && pending.edit.action === "paint") this.study.put(pending.edit.changes);
    this.#waiting.push({ pending, since: performance.now() });
    this.#keep();
    this.#run();
  }

  edit(edit: Edit): void {
    this.push({ kind: "edit", edit });
  }

  /** Wait until everything has arrived. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Strokes of an earlier visit that never arrived. */
  restore(): number {
    const kept = localStorage.getItem(this.#key);
    if (!kept) return 0;
    localStorage.removeItem(this.#key);
    try {
      const strokes = JSON.parse(kept) as Pending[];
      for (const pending of strokes) this.push(pending);
      return strokes.length;
    } catch {
      return 0;
    }
  }

  /** Draw again, on the present state, what another window's change kept from being taken over. */
  again(): void {
    const line = this.line.get();
    if (line.state !== "conflict") return;
    this.line.set({ state: "quiet" });
    for (const pending of line.lost) if (pending.kind === "edit") this.push(pending);
  }

  dismiss(): void {
    if (this.line.get().state === "conflict") this.line.set({ state: "quiet" });
  }

  /** Look whether another window changed the study. */
  async refresh(): Promise<void> {
    if (this.#running || this.#ended) return;
    const detail = await api.study(this.study.detail.id);
    if (detail.version !== this.study.history.get().version && !this.#running) {
      await this.#reload();
      this.line.set({ state: "conflict", lost: [] });
    }
  }

  end(): void {
    this.#ended = true;
  }

  get #key(): string {
    return `septum.strokes.${this.study.detail.id}`;
  }

  /** Strokes outlive the page; the journal of the server has the others. */
  #keep(): void {
    const strokes = this.#waiting.map((one) => one.pending);
    try {
      if (strokes.length > 0) localStorage.setItem(this.#key, JSON.stringify(strokes));
      else localStorage.removeItem(this.#key);
    } catch {
      // A full or forbidden store: the strokes are still in this page.
    }
  }

  #run(): void {
    if (this.#running) return;
    this.#running = this.#flush().finally(() => {
      this.#running = null;
      if (this.#waiting.length > 0 && !this.#ended) this.#run();
    });
  }

  async #flush(): Promise<void> {
    for (let failures = 0; this.#waiting.length > 0 && !this.#ended; ) {
      const { pending, since } = this.#waiting[0];
      if (failures === 0) this.line.set({ state: "sending" });
      try {
        const answer = await this.#send(pending);
        if (failures > 0) this.refused.set(null);
        failures = 0;
        this.#waiting.shift();
        this.#keep();
        this.#arrived(answer);
        this.times_ms.push(performance.now() - since);
      } catch (error) {
        if (error instanceof api.Refused && error.status === 409) {
          if (!(await this.#conflict())) return;
        } else if (error instanceof api.Refused && (error.status === 401 || error.status === 403)) {
          this.line.set({ state: "locked" });
          await pause(3000);
        } else if (error instanceof api.Refused && error.status < 500 && pending.kind !== "edit") {
          this.#waiting.shift();
          this.#keep();
        } else if (error instanceof api.Refused && error.status < 500) {
          this.#waiting.length = 0;
          this.#keep();
          await this.#reload();
          this.refused.set({ text: error.message });
        } else {
          this.line.set({ state: "away", waiting: this.#waiting.length });
          await pause(WAITS_MS[Math.min(failures, WAITS_MS.length - 1)]);
          failures += 1;
        }
      }
    }
    if (this.line.get().state !== "conflict") this.line.set({ state: "quiet" });
  }

  #send(pending: Pending): Promise<Answer> {
    const { id } = this.study.detail;
    const { version } = this.study.history.get();
    const reader = this.reader.get();
    if (pending.kind === "edit") return api.edit(id, version, reader, pending.edit);
    return pending.kind === "undo" ? api.undo(id, version, reader) : api.redo(id, version, reader);
  }

  #arrived(answer: Answer): void {
    const later = new Set<string>();
    for (const { pending } of this.#waiting) for (const [t, z] of strokesOf(pending)) later.add(`${t} ${z}`);
    this.study.put(answer.changed.filter(([t, z]) => !later.has(`${t} ${z}`)));
    this.study.numbers.set(answer.numbers);
    this.study.history.patch({ version: answer.version, undo: answer.can_undo, redo: answer.can_redo });
  }

  /** Take the server's state. A stroke that it has already (its answer was lost) is done; others were overtaken. */
  async #conflict(): Promise<boolean> {
    const lost: Pending[] = this.#waiting.map((one) => one.pending);
    try {
      await this.#reload();
    } catch {
      await pause(WAITS_MS[0]);
      return true;
    }
    if (lost.length > 0 && this.#hasAlready(lost[0])) {
      this.#waiting.shift();
      this.#keep();
      for (const { pending } of this.#waiting) this.study.put(strokesOf(pending));
      return true;
    }
    this.#waiting.length = 0;
    this.#keep();
    this.line.set({ state: "conflict", lost });
    return false;
  }

  #hasAlready(pending: Pending): boolean {
    const strokes = strokesOf(pending);
    const drawn = new Uint8Array(this.study.size);
    return (
      strokes.length > 0 &&
      strokes.every(([t, z, runs]) => {
        decode(runs, drawn);
        return this.study.slice(this.study.mask, t, z).every((value, k) => value === drawn[k]);
      })
    );
  }

  async #reload(): Promise<void> {
    const { id } = this.study.detail;
    const [detail, masks] = await Promise.all([api.study(id), api.mask(id, "current")]);
    this.study.take(masks, "current");
    this.study.told(detail);
  }
}

function strokesOf(pending: Pending): readonly SliceRuns[] {
  return pending.kind === "edit" && pending.edit.action === "paint" ? pending.edit.changes : [];
}

function pause(wait_ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, wait_ms));
}
