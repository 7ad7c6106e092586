/** The list of studies: thousands of rows, of which only those on the screen exist. */

import type { Listing, Progress, Row, State } from "../api/contract";
import { el, say, sign } from "../page/dom";
import { Scope, Signal } from "../state/signal";
import { verdictChip } from "./numbers";
import { stateChip, STATES } from "./review";

const ROW_PX = 44;
const SPARE_ROWS = 5;

type Column = "order" | "name" | "verdict" | "flags" | "ef_lv" | "ef_rv" | "state" | "reader";

interface Wish {
  text: string;
  state: State | "";
  verdict: string;
  sort: Column;
  down: boolean;
}

const COLUMNS: readonly [Column, string][] = [
  ["name", "Study"], ["verdict", "Verdict"], ["flags", "What was found"], ["ef_lv", "LV EF"], ["ef_rv", "RV EF"],
  ["state", "State"], ["reader", "Reader, comment"],
];
const WORST: Record<string, number> = { reject: 0, review: 1, fine: 2 };

export class StudyList {
  readonly element: HTMLElement;
  readonly rows = new Signal<Row[]>([]);
  /** Rows as they are sorted and filtered. */
  readonly #chosen = new Signal<Row[]>([]);
  readonly #wish = new Signal<Wish>({ text: "", state: "", verdict: "", sort: "order", down: false });
  readonly #at = new Signal(0);
  readonly #body = el("div", { class: "rows", role: "rowgroup" });
  readonly #scroll = el("div", { class: "scroll" });
  readonly #grid: HTMLElement;
  readonly #search = el("input", { type: "search", id: "search", placeholder: "Name, finding, reader", "aria-label": "Filter the studies (/)" });
  readonly #done = el("p", { class: "done" });
  readonly #bar = el("progress", { max: "1", value: "0", "aria-label": "Share of studies that were looked at" });
  readonly #working = el("p", { role: "status" });
  readonly #share = el("progress", { max: "1", value: "0", "aria-label": "Share of the segmentation that is done" });
  readonly #work = el("div", { class: "work-box", hidden: true }, this.#working, this.#share);
  readonly #problems = el("ul", { class: "problems", hidden: true });
  readonly #empty = el("p", { class: "empty", hidden: true });
  readonly #heads: HTMLElement[] = [];
  /** Rows that exist, by their number. */
  readonly #made = new Map<number, { row: Row; element: HTMLElement }>();
  readonly #blank = el("div", { class: "study-row", role: "row", tabindex: "-1" },
    ...COLUMNS.map(([column]) => el("div", { class: `cell ${column}`, role: "gridcell" })));
  readonly #chips = new Map<string, HTMLElement>();
  #keep = false;

  constructor(readonly scope: Scope, readonly open: (id: string) => void, help: () => void) {
    const head = el("div", { class: "head", role: "row", "aria-rowindex": "1" }, ...COLUMNS.map(([column, title]) => this.#head(column, title)));
    this.#grid = el("div", { class: "grid", role: "grid", "aria-label": "Studies" }, el("div", { role: "rowgroup" }, head), this.#body);
    this.#scroll.append(this.#grid);
    const keys = el("button", { type: "button", text: "Keys", title: "?" });
    keys.addEventListener("click", help);
    this.element = el("div", { class: "list" },
      el("header", { class: "bar" }, el("h1", { text: "Septum" }), el("span", { class: "soft", text: "Studies" }), el("span", { class: "grow" }), keys),
      el("main", { class: "list-main" },
        el("div", { class: "list-top" },
          el("div", { class: "done-box" }, this.#done, this.#bar), this.#work,
          el("div", { class: "filters" }, this.#search, this.#stateFilter(), this.#verdictFilter())),
        this.#problems, this.#scroll, this.#empty,
        el("p", { class: "soft small", text: "Research software, not a medical device." })));
    this.#listen();
    scope.whenever([this.rows, this.#wish], () => this.#choose());
    scope.whenever([this.#chosen, this.#at], () => this.#draw());
  }

  /** Take what the server lists. While a study is open the order stays, so that next and previous stay the same. */
  told(listing: Listing, keepOrder: boolean): void {
    const fresh = new Map(listing.studies.map((row) => [row.id, row]));
    const known = keepOrder ? this.rows.get().filter((row) => fresh.has(row.id)).map((row) => fresh.get(row.id) as Row) : [];
    for (const row of known) fresh.delete(row.id);
    this.#keep = keepOrder;
    this.rows.set([...known, ...fresh.values()]);
    const { progress } = listing;
    this.#problems.hidden = listing.problems.length === 0;
    this.#problems.replaceChildren(...listing.problems.map((text) => el("li", {}, sign("warn"), el("span", { text }))));
    this.#work.hidden = progress === null;
    if (progress) this.#progress(progress);
  }

  /** Say how far the segmentation is, in studies and in frames of the one that is segmented now. */
  #progress({ done, total, current, frame, frames }: Progress): void {
    const now = current && done < total ? `, now ${current}${frames > 1 ? `, frame ${frame} of ${frames}` : ""}` : "";
    say(this.#working, total > 0 ? `Segmenting: ${done} of ${total} done${now}` : "Segmenting: the model is loaded");
    const part = frames > 0 && done < total ? frame / frames : 0;
    this.#share.value = total > 0 ? Math.min(1, (done + part) / total) : 0;
  }

  neighbour(id: string, by: number): string | null {
    const rows = this.#chosen.get();
    const at = rows.findIndex((row) => row.id === id);
    return rows[at + by]?.id ?? null;
  }

  position(id: string): string {
    const rows = this.#chosen.get();
    const at = rows.findIndex((row) => row.id === id);
    return at < 0 ? "" : `${at + 1} / ${rows.length}`;
  }

  /** Set the focus to a study's row. */
  focus(id: string | null): void {
    const rows = this.#chosen.get();
    const at = rows.findIndex((row) => row.id === id);
    this.#at.set(Math.max(0, at));
    this.#reveal();
    this.#draw();
    this.#focusRow();
  }

  /** A key press that nothing else took. */
  key(event: KeyboardEvent): void {
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) {
      if (event.key === "Escape" || (event.key === "Enter" && event.target === this.#search)) this.#focusRow();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "/") {
      event.preventDefault();
      this.#search.focus();
      return;
    }
    const page = Math.max(1, Math.floor(this.#scroll.clientHeight / ROW_PX) - 1);
    const last = this.#chosen.get().length - 1;
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, j: 1, k: -1, PageDown: page, PageUp: -page, Home: -last, End: last };
    if (event.key in steps) {
      event.preventDefault();
      this.#at.set(Math.min(last, Math.max(0, this.#at.get() + steps[event.key])));
      this.#reveal();
      this.#draw();
      this.#focusRow();
    } else if (event.key === "Enter" && !(event.target instanceof HTMLButtonElement)) {
      const row = this.#chosen.get()[this.#at.get()];
      if (row) this.open(row.id);
    }
  }

  #head(column: Column, title: string): HTMLElement {
    const button = el("button", { type: "button", text: title });
    button.addEventListener("click", () => {
      const { sort, down } = this.#wish.get();
      if (sort !== column) this.#wish.patch({ sort: column, down: false });
      else if (!down) this.#wish.patch({ down: true });
      else this.#wish.patch({ sort: "order", down: false });
    });
    const head = el("div", { class: `cell ${column}`, role: "columnheader", "data-column": column }, button);
    this.#heads.push(head);
    return head;
  }

  #stateFilter(): HTMLElement {
    const select = el("select", { "aria-label": "State" }, el("option", { value: "", text: "Every state" }),
      ...Object.entries(STATES).map(([state, { title }]) => el("option", { value: state, text: title })));
    select.addEventListener("change", () => this.#wish.patch({ state: select.value as State | "" }));
    return select;
  }

  #verdictFilter(): HTMLElement {
    const select = el("select", { "aria-label": "Verdict" }, el("option", { value: "", text: "Every verdict" }),
      ...[["reject", "Reject"], ["review", "Review"], ["fine", "Fine"]].map(([value, text]) => el("option", { value, text })));
    select.addEventListener("change", () => this.#wish.patch({ verdict: select.value }));
    return select;
  }

  #listen(): void {
    const { signal } = this.scope;
    this.#search.addEventListener("input", () => this.#wish.patch({ text: this.#search.value.trim().toLowerCase() }), { signal });
    this.#scroll.addEventListener("scroll", () => this.#draw(), { signal, passive: true });
    const watch = new ResizeObserver(() => this.#draw());
    watch.observe(this.#scroll);
    this.#body.addEventListener("click", (event) => {
      const row = (event.target as Element).closest<HTMLElement>("[data-id]");
      if (row?.dataset["id"]) this.open(row.dataset["id"]);
    }, { signal });
  }

  #choose(): void {
    const { text, state, verdict, sort, down } = this.#wish.get();
    if (this.#keep) {
      const fresh = new Map(this.rows.get().map((row) => [row.id, row]));
      this.#chosen.set(this.#chosen.get().map((row) => fresh.get(row.id) ?? row));
      this.#keep = false;
      this.#count();
      return;
    }
    const rows = this.rows.get().filter((row) =>
      (!state || row.state === state) && (!verdict || row.verdict === verdict)
      && (!text || `${row.name} ${row.flags.join(" ")} ${row.reader} ${row.comment}`.toLowerCase().includes(text)));
    if (sort !== "order") {
      const value = (row: Row): string | number => {
        if (sort === "verdict") return WORST[row.verdict ?? ""] ?? 3;
        if (sort === "flags") return -row.flags.length;
        if (sort === "ef_lv" || sort === "ef_rv") return row[sort] ?? Number.POSITIVE_INFINITY;
        return row[sort].toLowerCase();
      };
      const names = new Intl.Collator(undefined, { numeric: true });
      rows.sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        const by = typeof x === "number" && typeof y === "number" ? x - y || 0 : names.compare(`${x}`, `${y}`);
        return down ? -by : by;
      });
    }
    const all = this.rows.get();
    this.#count();
    for (const head of this.#heads) head.setAttribute("aria-sort", head.dataset["column"] === sort ? (down ? "descending" : "ascending") : "none");
    this.#empty.hidden = rows.length > 0;
    say(this.#empty, all.length > 0 ? "No study fits the filter." : this.#work.hidden ? "There is no study yet." : "The first study appears here as soon as it is segmented.");
    this.#at.set(Math.min(this.#at.get(), Math.max(0, rows.length - 1)));
    this.#chosen.set(rows);
    this.#draw();
  }

  #count(): void {
    const all = this.rows.get();
    const seen = all.filter((row) => row.state !== "unseen").length;
    say(this.#done, `${seen} of ${all.length} looked at`);
    this.#bar.value = all.length > 0 ? seen / all.length : 0;
  }

  #draw(): void {
    const rows = this.#chosen.get();
    this.#grid.setAttribute("aria-rowcount", `${rows.length + 1}`);
    this.#body.style.height = `${rows.length * ROW_PX}px`;
    const first = Math.max(0, Math.floor(this.#scroll.scrollTop / ROW_PX) - SPARE_ROWS);
    const count = Math.ceil((this.#scroll.clientHeight || 800) / ROW_PX) + 2 * SPARE_ROWS;
    const last = Math.min(rows.length, first + count);
    for (const [k, made] of this.#made) {
      if (k >= first && k < last && made.row === rows[k]) continue;
      made.element.remove();
      this.#made.delete(k);
    }
    for (let k = first; k < last; k += 1) {
      const made = this.#made.get(k) ?? { row: rows[k], element: this.#row(rows[k], k) };
      const tabindex = k === this.#at.get() ? "0" : "-1";
      if (made.element.getAttribute("tabindex") !== tabindex) made.element.setAttribute("tabindex", tabindex);
      if (this.#made.has(k)) continue;
      this.#made.set(k, made);
      this.#body.append(made.element);
    }
  }

  #row(row: Row, k: number): HTMLElement {
    const made = this.#blank.cloneNode(true) as HTMLElement;
    made.dataset["id"] = row.id;
    made.setAttribute("aria-rowindex", `${k + 2}`);
    made.style.transform = `translateY(${k * ROW_PX}px)`;
    const [name, verdict, flags, lv, rv, state, reader] = [...made.children];
    name.textContent = row.name;
    verdict.append(this.#chip(`verdict ${row.verdict}`, () => verdictChip(row.verdict)));
    flags.textContent = row.flags.map((flag) => flag.replaceAll("_", " ")).join(", ");
    lv.textContent = percent(row.ef_lv);
    rv.textContent = percent(row.ef_rv);
    state.append(this.#chip(`state ${row.state}`, () => stateChip(row.state)));
    if (row.edited) state.append(el("span", { class: "edited", title: "The mask was corrected", text: "edited" }));
    reader.textContent = [row.reader, row.comment].filter(Boolean).join(": ");
    (reader as HTMLElement).title = reader.textContent;
    return made;
  }

  /** A chip, copied from the first of its kind. */
  #chip(kind: string, make: () => HTMLElement): Node {
    const kept = this.#chips.get(kind) ?? make();
    this.#chips.set(kind, kept);
    return kept.cloneNode(true);
  }

  #reveal(): void {
    const top = this.#at.get() * ROW_PX;
    const head = 40;
    if (top < this.#scroll.scrollTop) this.#scroll.scrollTop = top;
    else if (top + ROW_PX + head > this.#scroll.scrollTop + this.#scroll.clientHeight) this.#scroll.scrollTop = top + ROW_PX + head - this.#scroll.clientHeight;
  }

  #focusRow(): void {
    this.#body.querySelector<HTMLElement>("[tabindex='0']")?.focus({ preventScroll: true });
  }
}

function percent(value: number | null): string {
  return value === null ? "–" : `${value.toFixed(0)} %`;
}
