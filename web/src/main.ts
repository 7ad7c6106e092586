/** Start of the page: the list, or one study; the address says which. */

import * as api from "./api/client";
import { showKeys } from "./page/dialogs";
import { el } from "./page/dom";
import { StudyList } from "./panels/list";
import { openStudy, type StudyScreen } from "./panels/study";
import { Scope, Signal } from "./state/signal";
import { View } from "./state/view";

const POLL_MS = 1500;
const READER = "septum.reader";

const root = document.querySelector("#app") as HTMLElement;
const view = new View();
const reader = new Signal(localStorage.getItem(READER) ?? "");
reader.listen(() => localStorage.setItem(READER, reader.get()));

let screen: StudyScreen | null = null;
let last: string | null = null;
let turn = 0;

const list = new StudyList(new Scope(), (id) => go(id), () => showKeys({
  List: [
    { keys: ["ArrowUp", "ArrowDown"], title: "Choose a study" },
    { keys: ["Enter"], title: "Open it" },
    { keys: ["/"], title: "Filter" },
    { keys: ["?"], title: "These keys; inside a study, its own" },
  ],
}));

function go(id: string | null): void {
  location.hash = id === null ? "" : `/study/${encodeURIComponent(id)}`;
}

function wanted(): string | null {
  const found = /^#\/study\/(.+)$/.exec(location.hash);
  return found ? decodeURIComponent(found[1]) : null;
}

async function refreshList(): Promise<boolean> {
  try {
    const listing = await api.studies();
    list.told(listing, wanted() !== null && list.rows.get().length > 0);
    if (!reader.get() && listing.reader) reader.set(listing.reader);
    return listing.progress !== null;
  } catch (error) {
    if (screen === null) root.replaceChildren(failure((error as Error).message));
    return false;
  }
}

async function show(): Promise<void> {
  const mine = (turn += 1);
  const id = wanted();
  screen?.scope.end();
  screen = null;
  if (id === null) {
    document.title = "Septum";
    root.replaceChildren(list.element);
    list.focus(last);
    const working = await refreshList();
    if (mine === turn) list.focus(last);
    if (working) window.setTimeout(() => mine === turn && void poll(mine), POLL_MS);
    return;
  }
  last = id;
  root.setAttribute("aria-busy", "true");
  try {
    if (list.rows.get().length === 0) await refreshList();
    const opened = await openStudy(id, {
      view, reader,
      neighbour: (of, by) => list.neighbour(of, by),
      position: (of) => list.position(of),
      open: (of) => go(of),
      leave: () => go(null),
      decided: () => void refreshList(),
    });
    if (mine !== turn) return opened.scope.end();
    screen = opened;
    document.title = `${opened.session.study.detail.name} – Septum`;
    root.replaceChildren(opened.element);
    opened.element.querySelector<HTMLElement>("#pane")?.focus();
    Object.assign(window, { septum: opened.session });
  } catch (error) {
    if (mine === turn) root.replaceChildren(failure((error as Error).message));
  } finally {
    root.removeAttribute("aria-busy");
  }
}

async function poll(mine: number): Promise<void> {
  if (mine !== turn || wanted() !== null) return;
  if (await refreshList()) window.setTimeout(() => void poll(mine), POLL_MS);
}

function failure(text: string): HTMLElement {
  const again = el("button", { type: "button", text: "Try again" });
  again.addEventListener("click", () => void show());
  const back = el("button", { type: "button", text: "Back to the list" });
  back.addEventListener("click", () => (wanted() === null ? void show() : go(null)));
  return el("main", { class: "failure" }, el("h1", { text: "Septum" }), el("p", { role: "alert", text }), el("div", { class: "row" }, again, back));
}

document.addEventListener("keydown", (event) => {
  if (wanted() !== null || document.querySelector("dialog[open]")) return;
  if (event.key === "?" && !(event.target instanceof HTMLInputElement)) list.element.querySelector<HTMLElement>(".bar button")?.click();
  else list.key(event);
});
window.addEventListener("hashchange", () => void show());
void show();
