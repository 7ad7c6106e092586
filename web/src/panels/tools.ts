/** Tools and structures around the pane, and the corrections that take one click. */

import { onDark } from "../draw/colours";
import { el, sign } from "../page/dom";
import type { Session } from "../state/session";
import { BRUSH_MM, isIn, type Command } from "../tools/commands";
import { shownKey } from "../tools/keys";

type Find = (id: string) => Command | undefined;

function iconButton(command: Command): HTMLButtonElement {
  const button = el("button", { type: "button", title: `${command.title} (${shownKey(command.keys[0])})`, "aria-label": command.title }, sign(command.sign ?? command.id));
  button.addEventListener("click", command.run);
  return button;
}

/** Tools of the hand, one of which is chosen. */
export function makeTools(session: Session, find: Find): HTMLElement {
  const { view, scope } = session;
  const bar = el("div", { class: "tools", role: "toolbar", "aria-label": "Tools", "aria-orientation": "vertical" });
  const chosen = ["brush", "eraser", "pull", "outline", "fill", "pan", "window"].map((id) => {
    const button = iconButton(find(id) as Command);
    bar.append(button);
    return { id, button };
  });
  bar.append(el("hr"));
  for (const id of ["undo", "redo", "fit"]) bar.append(iconButton(find(id) as Command));
  const lines = iconButton(find("lines") as Command);
  const changes = iconButton(find("changes") as Command);
  bar.append(lines, changes);
  const axis = iconButton(find("axis") as Command);
  bar.append(axis);
  scope.whenever([view.hand, view.shown, session.study.history, session.longAxis], () => {
    for (const { id, button } of chosen) button.setAttribute("aria-pressed", String(view.hand.get().tool === id));
    const shown = view.shown.get();
    lines.setAttribute("aria-pressed", String(shown.lines));
    changes.setAttribute("aria-pressed", String(shown.changes));
    axis.hidden = session.longAxis.get() === null;
    axis.setAttribute("aria-pressed", String(shown.longAxis));
    const { undo, redo } = session.study.history.get();
    bar.querySelector("[aria-label=Undo]")?.toggleAttribute("disabled", !undo);
    bar.querySelector("[aria-label=Redo]")?.toggleAttribute("disabled", !redo);
  });
  return bar;
}

/** The structure that is drawn, whether it is shown, and the brush. */
export function makeStructures(session: Session, find: Find): HTMLElement {
  const { study, view, scope } = session;
  const buttons = study.detail.labels.map((label, k) => {
    const dot = el("span", { class: "dot" });
    dot.style.background = onDark(label.colour);
    const choose = el("button", { type: "button", class: "structure", title: `Draw ${label.name} (${k + 1})` }, dot, label.name, el("kbd", { text: `${k + 1}` }));
    choose.addEventListener("click", () => find(`structure-${label.name}`)?.run());
    const eye = el("button", { type: "button", class: "eye" }, sign("eye"));
    eye.addEventListener("click", () => {
      const hidden = new Set(view.shown.get().hidden);
      if (!hidden.delete(label.value)) hidden.add(label.value);
      view.shown.patch({ hidden });
    });
    return { label, choose, eye };
  });
  const size = el("input", { type: "range", min: "0", max: "100", step: "1", "aria-label": "Diameter of the brush" });
  const span = Math.log(BRUSH_MM.most / BRUSH_MM.least);
  size.addEventListener("input", () => view.hand.patch({ diameter_mm: BRUSH_MM.least * Math.exp((span * Number(size.value)) / 100) }));
  const told = el("output", { class: "soft" });
  const over = el("input", { type: "checkbox", id: "over" });
  over.addEventListener("change", () => view.hand.patch({ over: over.checked }));
  scope.whenever([view.hand, view.shown], () => {
    const hand = view.hand.get();
    for (const { label, choose, eye } of buttons) {
      choose.setAttribute("aria-pressed", String(hand.value === label.value));
      const hidden = view.shown.get().hidden.has(label.value);
      eye.setAttribute("aria-label", hidden ? `Show ${label.name}` : `Hide ${label.name}`);
      eye.title = hidden ? `Show ${label.name}` : `Hide ${label.name}`;
      eye.replaceChildren(sign(hidden ? "hidden" : "eye"));
    }
    size.value = `${Math.round((100 * Math.log(hand.diameter_mm / BRUSH_MM.least)) / span)}`;
    size.setAttribute("aria-valuetext", `${hand.diameter_mm.toFixed(1)} mm`);
    told.textContent = `${hand.diameter_mm.toFixed(1)} mm`;
    over.checked = hand.over;
  });
  return el("div", { class: "structures", role: "group", "aria-label": "Structures and brush" },
    ...buttons.map(({ choose, eye }) => el("span", { class: "pair" }, choose, eye)),
    el("label", { class: "size" }, el("span", { text: "Brush" }), size, told),
    el("label", { class: "over", for: "over", title: "Draw over other structures, or only where nothing is (X)" }, over, el("span", { text: "over others" })));
}

/** What is needed less often. */
const MORE: readonly [string, string][] = [
  ["in-out-all", "Slice in or out in all frames"],
  ["between-frames", "Frame from those before and after"],
  ["set-ed", "This frame is end-diastole"],
  ["set-es", "This frame is end-systole"],
  ["revert-all", "Everything back to the model’s mask"],
];

/** Corrections of a slice in one click, each with its key. */
export function makeCorrections(session: Session, find: Find): HTMLElement {
  const { study, view, scope } = session;
  const said = (id: string, title: string): HTMLElement | null => {
    const command = find(id);
    if (!command) return null;
    const button = el("button", { type: "button", title: command.title, "data-command": id }, sign(command.sign ?? "slice"), el("span", { text: title }), el("kbd", { text: shownKey(command.keys[0], true) }));
    button.addEventListener("click", command.run);
    return button;
  };
  const main = said("in-out", "") as HTMLElement;
  main.classList.add("main");
  const sure = el("p", { class: "soft sure-here", title: "How sure the model is that each structure is in this slice" });
  const between = said("between", "") as HTMLElement;
  const carry = said("carry", "");
  const mark = said("mark", "") as HTMLElement;
  const single = study.detail.labels.length > 1
    ? study.detail.labels.map((label, k) => ({ label, button: said(`in-out-${label.name}`, label.name), k }))
    : [];
  const copies = ["up", "down", "back", "on"].map((way) => {
    const command = find(`copy-${way}`);
    if (!command) return null;
    const signs: Record<string, string> = { up: "up", down: "down", back: "left", on: "right" };
    const button = el("button", { type: "button", title: `${command.title} (${shownKey(command.keys[0])})`, "aria-label": command.title }, sign(signs[way]));
    button.addEventListener("click", command.run);
    return button;
  });
  scope.whenever([study.place, study.drawn, view.mark], () => {
    const here = isIn(session, null);
    const text = (button: HTMLElement | null, told: string): void => {
      const span = button?.querySelector("span");
      if (span && span.textContent !== told) span.textContent = told;
    };
    text(main, here ? "Take this slice out" : "Bring this slice in");
    main.classList.toggle("out", !here);
    const place = study.place.get();
    const told = study.sure(place.t, place.z).map(({ name, share }) => `${name} ${Math.round(share * 100)}\u00a0%`);
    sure.hidden = told.length === 0;
    sure.textContent = told.length > 0 ? `Model’s confidence: ${told.join(", ")}` : "";
    for (const { label, button } of single) {
      const inside = isIn(session, label.name);
      text(button, `${label.name} ${inside ? "out" : "in"}`);
    }
    const marked = view.mark.get();
    const { t, z } = study.place.get();
    text(mark, marked && marked.t === t && marked.z === z ? "Unmark" : "Mark");
    text(between, marked ? "Interpolate from the mark to here" : "Interpolate from neighbours");
    text(carry, marked ? "Carry over up to the mark" : "Carry over all frames");
  });
  return el("section", { class: "panel corrections", "aria-label": "Correction" },
    el("h2", { text: "Correction" }),
    main, sure,
    single.length > 0 ? el("div", { class: "three" }, ...single.map(({ button }) => button)) : null,
    el("div", { class: "copy" }, el("span", { class: "soft", text: "Copy from" }), ...copies, el("kbd", { text: "⇧ arrow" })),
    between, carry, el("div", { class: "two" }, mark, said("revert", "Revert")),
    el("details", {}, el("summary", { text: "More corrections" }), el("div", { class: "more" },
      ...MORE.map(([id, title]) => said(id, title)))));
}
