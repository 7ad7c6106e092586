/** The numbers of the model's mask and of the one that is shown, and what the checks say of it. */

import type { Flag, Item, Numbers } from "../api/contract";
import { el, say, sign } from "../page/dom";
import type { Session } from "../state/session";

/** How a verdict looks. */
export const VERDICTS: Record<string, { title: string; sign: string; kind: string }> = {
  fine: { title: "Fine", sign: "check", kind: "good" },
  review: { title: "Review", sign: "warn", kind: "care" },
  reject: { title: "Reject", sign: "cross", kind: "bad" },
};

/** What readers look at first, by its short name. */
const SHORT: Record<string, string> = {
  lv_edv_ml: "LV EDV", lv_esv_ml: "LV ESV", lv_ef_percent: "LV EF", lv_mass_ed_g: "LV mass ED",
  rv_edv_ml: "RV EDV", rv_esv_ml: "RV ESV", rv_ef_percent: "RV EF", wall_ed_mm: "Wall ED",
};

export function verdictChip(verdict: string | null): HTMLElement {
  const known = VERDICTS[verdict ?? ""];
  return el("span", { class: `chip ${known?.kind ?? "none"}` }, known ? sign(known.sign) : null, known?.title ?? "Not assessed");
}

export function makeNumbers(session: Session): HTMLElement {
  const { study, scope } = session;
  const body = el("tbody");
  const table = el("table", { class: "numbers" },
    heads(""), body);
  const more = el("tbody");
  const details = el("details", {}, el("summary", { text: "More measures" }), el("table", { class: "numbers" }, heads("sr"), more));
  const segments = el("tbody");
  const wall = el("details", {}, el("summary", { text: "Wall thickness by segment" }), el("table", { class: "numbers" }, heads("sr"), segments));
  const chip = el("span", {});
  const verdict = el("p", { class: "verdict soft" });
  const flags = el("ul", { class: "flags" });
  const live = el("p", { class: "sr", "aria-live": "polite" });
  scope.whenever([study.numbers, study.history], () => {
    const now = study.numbers.get();
    const first = study.detail.original_numbers;
    const before = new Map([...first.items, ...meanWall(first)].map((item) => [item.key, item]));
    const known = [...now.items, ...meanWall(now)].filter((item) => item.value !== null || (before.get(item.key)?.value ?? null) !== null);
    const main = known.filter((item) => item.key in SHORT);
    const others = known.filter((item) => !(item.key in SHORT));
    body.replaceChildren(...(main.length > 0 ? main : known).map((item) => row(item, before.get(item.key))));
    more.replaceChildren(...(main.length > 0 ? others : []).map((item) => row(item, before.get(item.key))));
    details.hidden = more.childElementCount === 0;
    const walls = new Map(wallItems(first).map((item) => [item.key, item]));
    segments.replaceChildren(...wallItems(now).map((item) => row(item, walls.get(item.key))));
    wall.hidden = segments.childElementCount === 0;
    const line = now.verdict_line ?? "";
    chip.replaceChildren(verdictChip(now.verdict));
    const ofEach = /\(([^)]*)\)/.exec(line)?.[1] ?? ""; // what the flags below do not tell
    verdict.hidden = ofEach === "";
    say(verdict, ofEach);
    flags.replaceChildren(...now.flags.map((flag) => {
      const known = VERDICTS[flag.level];
      return el("li", { class: known?.kind ?? "care" }, sign(known?.sign ?? "warn"), el("span", { text: flag.text }), goThere(session, flag));
    }));
    const told = known.find((item) => item.key === "lv_ef_percent") ?? known[0];
    say(live, told ? `${told.title} ${shown(told)} ${told.unit}` : "");
  });
  const notes = study.detail.notes;
  return el("section", { class: "panel", "aria-label": "Numbers" },
    el("header", {}, el("h2", { text: "Numbers" }), chip),
    verdict, flags, table, details, wall, live,
    notes.length > 0 ? el("details", {}, el("summary", { text: `Notes (${notes.length})` }), el("ul", { class: "notes" }, ...notes.map((note) => el("li", { text: note.text })))) : null,
  );
}

/** A button to the place that a flag names. Texts count from 0 as the files do; the button, as the page does, from 1. */
function goThere(session: Session, flag: Flag): HTMLElement | null {
  const { study, view } = session;
  const { frame, slice } = flag;
  if ((frame === null && slice === null) || (frame ?? 0) >= study.frames || (slice ?? 0) >= study.slices) return null;
  const named = [slice === null ? "" : `slice ${study.order.indexOf(slice) + 1}`, frame === null || study.frames === 1 ? "" : `frame ${frame + 1}`];
  const place = named.filter(Boolean).join(", ");
  if (!place) return null;
  const title = "Go there. The button counts as this page does; the sentence counts from 0, in the order of the file";
  const button = el("button", { type: "button", text: `Look: ${place}`, title });
  button.addEventListener("click", () => (view.play.patch({ on: false }), study.go(frame, slice)));
  return button;
}

/** Thickness at end-diastole and thickening of each segment that is seen, as items of the table. */
function wallItems(numbers: Numbers): Item[] {
  return (numbers.wall ?? []).flatMap(({ segment, name, ed_mm, thickening_percent }): Item[] => [
    { key: `wall_${segment}_ed_mm`, title: `${segment} ${name}`, value: ed_mm, unit: "mm", indexed: null },
    { key: `wall_${segment}_thickening_percent`, title: "thickening", value: thickening_percent, unit: "%", indexed: null },
  ]);
}

/** Mean over the segments, as one item. */
function meanWall(numbers: Numbers): Item[] {
  const seen = (numbers.wall ?? []).map((one) => one.ed_mm).filter((mm): mm is number => mm !== null);
  if (seen.length === 0) return [];
  const value = seen.reduce((sum, mm) => sum + mm, 0) / seen.length;
  return [{ key: "wall_ed_mm", title: "Mean wall thickness at end-diastole", value, unit: "mm", indexed: null }];
}

function heads(kind: string): HTMLElement {
  return el("thead", { class: kind }, el("tr", {}, ...["Measure", "Model", "Now", "Change"].map((text) => el("th", { scope: "col", text }))));
}

function row(item: Item, before: Item | undefined): HTMLElement {
  const change = before && item.value !== null && before.value !== null ? item.value - before.value : null;
  const digits = places(item);
  const moved = change !== null && Math.abs(change) >= 0.5 * 10 ** -digits;
  const gone = before !== undefined && (item.value === null) !== (before.value === null);
  const text = moved && change !== null ? `${change > 0 ? "+" : "−"}${Math.abs(change).toFixed(digits)}` : gone ? "new" : "";
  return el("tr", { class: moved || gone ? "moved" : "", "data-key": item.key },
    el("th", { scope: "row", title: item.title }, SHORT[item.key] ?? item.title, el("small", { text: ` ${item.unit}` })),
    el("td", { text: before ? shown(before) : "–" }),
    el("td", { class: "now", text: shown(item) }),
    el("td", { class: "change", text }));
}

function places(item: Item): number {
  return item.unit === "%" || item.unit === "ml" || item.unit === "g" || item.unit === "mm" ? 1 : 2;
}

export function shown(item: Item): string {
  return item.value === null ? "–" : item.value.toFixed(places(item));
}
