/** The screen of one study. */

import * as api from "../api/client";
import { byGroup, showKeys } from "../page/dialogs";
import { el, say, sign } from "../page/dom";
import { EditLine } from "../state/edits";
import type { Session } from "../state/session";
import { Scope, Signal } from "../state/signal";
import { OpenStudy } from "../state/study";
import type { View } from "../state/view";
import { makeCommands, type Command } from "../tools/commands";
import { runKey } from "../tools/keys";
import { Curve } from "./curve";
import { makeLongAxis } from "./longaxis";
import { Matrix } from "./matrix";
import { makeNotices } from "./notices";
import { makeNumbers, verdictChip } from "./numbers";
import { Pane } from "./pane";
import { makePlayer } from "./player";
import { ReviewPanel } from "./review";
import { makeCorrections, makeStructures, makeTools } from "./tools";

export interface Around {
  view: View;
  reader: Signal<string>;
  /** Id of a study before or after this one in the list, as it is sorted and filtered. */
  neighbour: (id: string, by: number) => string | null;
  position: (id: string) => string;
  open: (id: string) => void;
  leave: () => void;
  decided: () => void;
}

export interface StudyScreen {
  element: HTMLElement;
  scope: Scope;
  session: Session;
}

/** Fetch a study and build its screen; the image comes after. */
export async function openStudy(id: string, around: Around): Promise<StudyScreen> {
  const told = api.study(id);
  // The image is asked for as soon as it is known to be there, while the screen is built.
  const image = told.then((detail) => (detail.image.available ? api.image(id) : null));
  image.catch(() => undefined); // told below
  const [detail, current, model] = await Promise.all([told, api.mask(id, "current"), api.mask(id, "model")]);
  const study = new OpenStudy(detail);
  study.take(model, "model");
  study.take(current, "current");
  const scope = new Scope();
  const session: Session = {
    study, view: around.view, edits: new EditLine(study, around.reader), scope,
    reader: around.reader, notice: new Signal<Session["notice"] extends Signal<infer N> ? N : never>(null), longAxis: new Signal<Session["longAxis"] extends Signal<infer L> ? L : never>(null),
  };
  prepareView(session);
  const element = build(session, around);
  image.then(
    (block) => {
      if (!block) return;
      if (block.length === study.mask.length) study.image.set(block);
      element.dataset["image"] = "ready";
    },
    (error: Error) => session.notice.set({ text: error.message, kind: "bad" }),
  );
  session.edits.restore();
  scope.onEnd(() => session.edits.end());
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") session.edits.refresh().catch(() => undefined);
  }, { signal: scope.signal });
  window.addEventListener("focus", () => void session.edits.refresh().catch(() => undefined), { signal: scope.signal });
  return { element, scope, session };
}

function prepareView(session: Session): void {
  const { view, study } = session;
  view.camera.set(null);
  view.cursor.set(null);
  view.mark.set(null);
  view.play.set({ on: false, speed: view.play.get().speed });
  const values = study.detail.labels.map((label) => label.value);
  const first = study.detail.labels.find((label) => label.name === "LV")?.value ?? values[0];
  if (!values.includes(view.hand.get().value) || view.hand.get().value !== first) view.hand.patch({ value: first });
}

function build(session: Session, around: Around): HTMLElement {
  const { study, view, scope } = session;
  const cine = study.frames > 1;
  const pane = new Pane(session);
  const review = new ReviewPanel(session, around.decided);
  const move = (by: number): void => {
    const id = around.neighbour(study.detail.id, by);
    if (id !== null) around.open(id);
    else session.notice.set({ text: by > 0 ? "This is the last study of the list." : "This is the first study of the list.", kind: "good" });
  };
  const commands: Command[] = makeCommands({
    session,
    fit: (what) => view.camera.set(pane.fit(what)),
    zoom: (factor) => pane.zoom(factor),
    cancel: () => pane.cancel(),
    step: (dx, dy) => pane.step(dx, dy),
    press: () => pane.press(),
    save: () => void review.save(),
    accept: () => void review.accept(),
    reject: () => void review.decide("rejected"),
    comment: () => review.focusComment(),
    verify: () => void review.verify(),
    next: move,
    leave: around.leave,
    help: () => showKeys(byGroup(commands)),
  });
  const find = (id: string): Command | undefined => commands.find((one) => one.id === id);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && event.target instanceof HTMLElement && event.target.matches("textarea, input")) pane.canvas.focus();
    else runKey(event, commands);
  }, { signal: scope.signal });
  const volume = cine ? null : volumeButton(session);
  return el("div", { class: `study${cine ? "" : " still"}` },
    topBar(session, around, find, review),
    makeNotices(session),
    el("main", { class: "study-main" },
      new Matrix(session, find).element,
      el("section", { class: "stage panel", "aria-label": "Image" },
        makeStructures(session, find),
        el("div", { class: "with-tools" }, makeTools(session, find), el("div", { class: "pane-box" }, pane.element, makeLongAxis(session))),
        cine ? makeTime(session) : volume),
      el("div", { class: "aside" }, makeNumbers(session), makeCorrections(session, find), review.element)));
}

function topBar(session: Session, around: Around, find: (id: string) => Command | undefined, review: ReviewPanel): HTMLElement {
  const { study, scope, edits } = session;
  const button = (id: string, title: string, name: string, text = false): HTMLButtonElement => {
    const command = find(id);
    const made = el("button", { type: "button", title, "aria-label": title }, sign(name), text ? el("span", { text: title }) : null);
    made.addEventListener("click", () => command?.run());
    return made;
  };
  const back = el("button", { type: "button", class: "back", title: "Back to the list (Esc)" }, sign("back"), el("span", { text: "Studies" }));
  back.addEventListener("click", around.leave);
  const verdict = el("span", {});
  const state = el("span", { class: "saving soft" });
  scope.whenever([study.numbers, study.history, edits.line], () => {
    verdict.replaceChildren(verdictChip(study.numbers.get().verdict));
    const line = edits.line.get().state;
    say(state, line === "sending" ? "…" : line === "away" || line === "locked" ? "Waiting for the server" : review.unsaved() ? "Not saved yet" : study.history.get().version > 0 ? "Saved" : "");
    state.classList.toggle("care", line === "away" || line === "locked");
  });
  return el("header", { class: "bar" },
    back,
    el("h1", { text: study.detail.name }), identity(study.detail.identity), verdict,
    el("span", { class: "grow" }),
    state,
    el("span", { class: "soft place", text: around.position(study.detail.id) }),
    button("previous", "Study before", "previous"), button("next", "Next study", "next"),
    button("help", "Keys", "help"));
}

/** Who the patient is, where the server says it. */
function identity(told: Record<string, string> | null): HTMLElement | null {
  const words = Object.values(told ?? {}).filter(Boolean);
  return words.length > 0 ? el("span", { class: "soft identity", text: words.join(" · ") }) : null;
}

function makeTime(session: Session): HTMLElement {
  const curve = new Curve(session);
  return el("div", { class: "time" }, el("div", { class: "time-row" }, makePlayer(session), curve.legend), curve.element);
}

function volumeButton(session: Session): HTMLElement {
  const holder = el("div", { class: "volume" });
  const label = el("span");
  const button = el("button", { type: "button" }, sign("cube"), label);
  let box: HTMLElement | null = null;
  const show = (open: boolean): void => {
    if (box) box.hidden = !open;
    button.classList.toggle("main", !open);
    button.setAttribute("aria-expanded", String(open));
    label.textContent = open ? "Close the three planes" : "Three planes and surface";
  };
  show(false);
  button.addEventListener("click", () => {
    if (box) {
      show(Boolean(box.hidden));
      return;
    }
    button.disabled = true;
    import("../atrium/volume").then(({ showVolume }) => showVolume(session, holder)).then(
      (made) => {
        box = made;
        show(true);
      },
      (error: Error) => session.notice.set({ text: `The view in three planes could not be made: ${error.message}`, kind: "bad" }),
    ).finally(() => (button.disabled = false));
  });
  holder.append(button);
  return holder;
}
