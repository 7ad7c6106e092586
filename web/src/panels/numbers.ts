/** The numbers of the model's mask and of the one that is shown, and what the checks say of it. */

import type { Item } from "../api/contract";
import { el, sign } from "../page/dom";
import type { Session } from "../state/session";

/** How a verdict looks. */
export const VERDICTS: Record<string, { title: string; sign: string; kind: string }> = {
  fine: { title: "Fine", sign: "check", kind: "good" },
  review: { title: "Review", sign: "warn", kind: "care" },
  reject: { title: "Reject", sign: "cross", kind: "bad" },
};

export function verdictChip(verdict: string | null): HTMLElement {
  const known = VERDICTS[verdict ?? ""];
  return el("span", { class: `chip ${known?.kind ?? "none"}` }, known ? sign(known.sign) : null, known?.title ?? "Not assessed");
}

export function makeNumbers(session: Session): HTMLElement {
  const { study, scope } = session;
  const body = el("tbody");
  const table = el("table", { class: "numbers" },
    el("thead", {}, el("tr", {}, el("th", { scope: "col", text: "Measure" }), el("th", { scope: "col", text: "Model" }), el("th", { scope: "col", text: "Now" }), el("th", { scope: "col", text: "Change" }))),
    body);
  const verdict = el("div", { class: "verdict" });
  const flags = el("ul", { class: "flags" });
  const live = el("p", { class: "sr", "aria-live": "polite" });
  scope.whenever([study.numbers, study.history], () => {
    const now = study.numbers.get();
    const before = new Map(study.detail.original_numbers.items.map((item) => [item.key, item]));
    body.replaceChildren(...now.items.map((item) => row(item, before.get(item.key))));
    verdict.replaceChildren(verdictChip(now.verdict), el("span", { class: "soft", text: now.verdict_line ?? "" }));
    flags.replaceChildren(...now.flags.map((flag) => {
      const known = VERDICTS[flag.level];
      return el("li", { class: known?.kind ?? "care" }, sign(known?.sign ?? "warn"), el("span", { text: flag.text }));
    }));
    const main = now.items.find((item) => item.key === "lv_ef_percent") ?? now.items[0];
    live.textContent = main ? `${main.title} ${shown(main)}` : "";
  });
  const notes = study.detail.notes;
  return el("section", { class: "panel", "aria-label": "Numbers" },
    el("h2", { text: "Numbers" }),
    verdict, flags, table, live,
    notes.length > 0 ? el("details", {}, el("summary", { text: `Notes (${notes.length})` }), el("ul", { class: "notes" }, ...notes.map((note) => el("li", { text: note.text })))) : null,
  );
}

function row(item: Item, before: Item | undefined): HTMLElement {
  const change = before && item.value !== null && before.value !== null ? item.value - before.value : null;
  const digits = places(item);
  const moved = change !== null && Math.abs(change) >= 0.5 * 10 ** -digits;
  const gone = before !== undefined && (item.value === null) !== (before.value === null);
  const text = moved && change !== null ? `${change > 0 ? "+" : "−"}${Math.abs(change).toFixed(digits)}` : gone ? "new" : "";
  return el("tr", { class: moved || gone ? "moved" : "", "data-key": item.key },
    el("th", { scope: "row" }, item.title, el("small", { text: ` ${item.unit}` })),
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
