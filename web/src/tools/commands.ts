/** All that one can do to a study, with its key: the help, the buttons and the keyboard read this list. */

import type { Edit } from "../api/contract";
import { tell, type Session } from "../state/session";
import type { ToolName } from "../state/view";

export interface Command {
  id: string;
  /** As the help shows them; the first that matches runs. */
  keys: readonly string[];
  title: string;
  group: "Look" | "Draw" | "Correct" | "Decide";
  sign?: string;
  run: () => void;
}

/** Parts of the screen that commands need. */
export interface Screen {
  session: Session;
  fit: (what: "heart" | "image") => void;
  zoom: (factor: number) => void;
  cancel: () => boolean;
  step: (dx: number, dy: number) => void;
  press: () => void;
  save: () => void;
  accept: () => void;
  reject: () => void;
  comment: () => void;
  verify: () => void;
  next: (by: number) => void;
  leave: () => void;
  help: () => void;
}

const TOOLS: readonly [ToolName, string, string][] = [
  ["brush", "B", "Brush"],
  ["eraser", "E", "Eraser"],
  ["pull", "C", "Drag the contour"],
  ["outline", "O", "Draw an outline, filled when you let go"],
  ["fill", "F", "Fill an enclosed place"],
  ["pan", "V", "Move the picture"],
  ["window", "W", "Window and level"],
];

/** Smallest and largest brush, and the share by which a key changes it. */
export const BRUSH_MM = { least: 1, most: 60, factor: 1.25 };

export function makeCommands(screen: Screen): Command[] {
  return [...looking(screen), ...drawing(screen), ...correcting(screen), ...deciding(screen)];
}

function looking(screen: Screen): Command[] {
  const { study, view } = screen.session;
  const cine = study.frames > 1;
  const all: (Command | false)[] = [
    { id: "slice-up", keys: ["ArrowUp"], title: "Slice above, towards the base", group: "Look", run: () => arrow(screen, 0, -1) },
    { id: "slice-down", keys: ["ArrowDown"], title: "Slice below, towards the apex", group: "Look", run: () => arrow(screen, 0, 1) },
    cine && { id: "frame-back", keys: ["ArrowLeft"], title: "Frame before", group: "Look", run: () => arrow(screen, -1, 0) },
    cine && { id: "frame-on", keys: ["ArrowRight"], title: "Frame after", group: "Look", run: () => arrow(screen, 1, 0) },
    cine && { id: "play", keys: [" "], title: "Play or stop the cine", group: "Look", run: () => view.play.patch({ on: !view.play.get().on }) },
    cine && { id: "ed", keys: ["Home", "D"], title: "End-diastole", group: "Look", run: () => study.go(study.phases()[0], null) },
    cine && { id: "es", keys: ["End", "S"], title: "End-systole", group: "Look", run: () => study.go(study.phases()[1], null) },
    cine && { id: "all", keys: ["T"], title: "All frames, or only ED and ES", group: "Look", sign: "grid", run: () => view.shown.patch({ allPhases: !view.shown.get().allPhases }) },
    { id: "zoom-in", keys: ["+", "="], title: "Zoom in", group: "Look", run: () => screen.zoom(1.25) },
    { id: "zoom-out", keys: ["-"], title: "Zoom out", group: "Look", run: () => screen.zoom(0.8) },
    { id: "fit", keys: ["0"], title: "Fit the heart", group: "Look", sign: "fit", run: () => screen.fit("heart") },
    { id: "whole", keys: ["Shift+0"], title: "Fit the whole image", group: "Look", run: () => screen.fit("image") },
    { id: "window-reset", keys: ["Shift+W"], title: "Window and level as at first", group: "Look", run: () => study.window.set({ low: 0, high: 255 }) },
    { id: "lines", keys: ["H"], title: "Hide or show the contours", group: "Look", sign: "eye", run: () => view.shown.patch({ lines: !view.shown.get().lines, fill: !view.shown.get().lines }) },
    { id: "changes", keys: ["G"], title: "Show what was changed", group: "Look", sign: "changes", run: () => view.shown.patch({ changes: !view.shown.get().changes }) },
    { id: "axis", keys: ["L"], title: "Long-axis view", group: "Look", sign: "axis", run: () => view.shown.patch({ longAxis: !view.shown.get().longAxis }) },
  ];
  return all.filter((one): one is Command => one !== false);
}

function drawing(screen: Screen): Command[] {
  const { study, view } = screen.session;
  const sized = (factor: number): void => {
    const size = view.hand.get().diameter_mm * factor;
    view.hand.patch({ diameter_mm: Math.min(BRUSH_MM.most, Math.max(BRUSH_MM.least, size)) });
  };
  return [
    ...TOOLS.map(([tool, key, title]): Command => ({ id: tool, keys: [key], title, group: "Draw", sign: tool, run: () => view.hand.patch({ tool }) })),
    ...study.detail.labels.map((label, k): Command => ({
      id: `structure-${label.name}`, keys: [`${k + 1}`], title: `Draw ${label.name}`, group: "Draw", run: () => view.hand.patch({ value: label.value }),
    })),
    { id: "smaller", keys: ["[", ","], title: "Smaller brush", group: "Draw", run: () => sized(1 / BRUSH_MM.factor) },
    { id: "larger", keys: ["]", "."], title: "Larger brush", group: "Draw", run: () => sized(BRUSH_MM.factor) },
    { id: "over", keys: ["X"], title: "Draw over other structures, or only where nothing is", group: "Draw", run: () => view.hand.patch({ over: !view.hand.get().over }) },
    { id: "cursor", keys: ["K"], title: "Draw with the keyboard: arrows move a cursor, Enter puts the pen down and lifts it", group: "Draw", run: () => toggleCursor(screen) },
    { id: "pen", keys: ["Enter"], title: "Pen down or up, while the keyboard draws", group: "Draw", run: screen.press },
  ];
}

function correcting(screen: Screen): Command[] {
  const { session } = screen;
  const { study } = session;
  const cine = study.frames > 1;
  const copy = (id: string, key: string, from: string, frames: number, steps: number): Command => ({
    id, keys: [`Shift+${key}`], title: `Copy from the ${from}`, group: "Correct", sign: "copy", run: () => copyFrom(session, frames, steps),
  });
  const all: (Command | false)[] = [
    { id: "in-out", keys: ["I"], title: cine ? "This slice in or out, in this frame" : "This slice in or out", group: "Correct", sign: "slice", run: () => inOut(session, null, false) },
    cine && { id: "in-out-all", keys: ["Shift+I"], title: "This slice in or out, in all frames", group: "Correct", sign: "slice", run: () => inOut(session, null, true) },
    ...(study.detail.labels.length > 1 ? study.detail.labels : []).map((label, k): Command => ({
      id: `in-out-${label.name}`, keys: [`Shift+${k + 1}`], title: `${label.name} in or out of this slice`, group: "Correct", run: () => inOut(session, label.name, false),
    })),
    copy("copy-up", "ArrowUp", "slice above", 0, -1),
    copy("copy-down", "ArrowDown", "slice below", 0, 1),
    cine && copy("copy-back", "ArrowLeft", "frame before", -1, 0),
    cine && copy("copy-on", "ArrowRight", "frame after", 1, 0),
    { id: "mark", keys: ["M"], title: "Mark this place, as one end for what follows", group: "Correct", sign: "mark", run: () => mark(session) },
    { id: "between", keys: ["N"], title: "Interpolate between the mark and here; without a mark, this slice from its neighbours", group: "Correct", sign: "between", run: () => between(session) },
    cine && { id: "between-frames", keys: ["Shift+N"], title: "Interpolate this frame from the ones before and after", group: "Correct", sign: "between", run: () => betweenFrames(session) },
    cine && { id: "carry", keys: ["P"], title: "Carry this correction over the frames up to the mark; without a mark, over all frames", group: "Correct", sign: "carry", run: () => carry(session) },
    { id: "revert", keys: ["Backspace"], title: "This slice back to the model's mask", group: "Correct", sign: "revert", run: () => revert(session, false) },
    { id: "revert-all", keys: ["Shift+Backspace"], title: "Everything back to the model's mask", group: "Correct", sign: "revert", run: () => revert(session, true) },
    cine && { id: "set-ed", keys: ["Shift+D"], title: "Take this frame for end-diastole", group: "Correct", run: () => setPhase(session, 0) },
    cine && { id: "set-es", keys: ["Shift+S"], title: "Take this frame for end-systole", group: "Correct", run: () => setPhase(session, 1) },
    { id: "undo", keys: ["Ctrl+Z", "U"], title: "Undo", group: "Correct", sign: "undo", run: () => step(session, "undo") },
    { id: "redo", keys: ["Ctrl+Shift+Z", "Ctrl+Y", "Shift+U"], title: "Redo", group: "Correct", sign: "redo", run: () => step(session, "redo") },
  ];
  return all.filter((one): one is Command => one !== false);
}

function deciding(screen: Screen): Command[] {
  return [
    { id: "accept", keys: ["A"], title: "Accept; a corrected mask is saved", group: "Decide", sign: "check", run: screen.accept },
    { id: "reject", keys: ["R"], title: "Reject", group: "Decide", sign: "cross", run: screen.reject },
    { id: "comment", keys: ["Q"], title: "Write a comment", group: "Decide", run: screen.comment },
    { id: "save", keys: ["Ctrl+S"], title: "Save the corrected mask and its numbers", group: "Decide", sign: "save", run: screen.save },
    { id: "next", keys: ["J", "PageDown"], title: "Next study", group: "Decide", sign: "next", run: () => screen.next(1) },
    { id: "previous", keys: ["Shift+J", "PageUp"], title: "Study before", group: "Decide", sign: "previous", run: () => screen.next(-1) },
    { id: "leave", keys: ["Escape"], title: "Give up what is begun; else back to the list", group: "Decide", sign: "back", run: () => escape(screen) },
    { id: "help", keys: ["?"], title: "These keys", group: "Decide", sign: "help", run: screen.help },
  ];
}

/** Arrows move through the study, or the keyboard's cursor while there is one. */
function arrow(screen: Screen, frames: number, slices: number): void {
  const { study, view } = screen.session;
  if (view.cursor.get()) screen.step(frames, slices);
  else {
    if (frames !== 0) view.play.patch({ on: false });
    study.move(frames, slices);
  }
}

function toggleCursor(screen: Screen): void {
  const { study, view } = screen.session;
  const camera = view.camera.get();
  screen.cancel();
  const { width, height } = study.grid;
  const x = Math.floor(camera?.x ?? width / 2) + 0.5;
  const y = Math.floor(camera?.y ?? height / 2) + 0.5;
  view.cursor.set(view.cursor.get() ? null : { x, y, down: false });
}

function escape(screen: Screen): void {
  const { view } = screen.session;
  if (screen.cancel()) view.cursor.set(view.cursor.get() && { ...(view.cursor.get() as { x: number; y: number }), down: false });
  else if (view.cursor.get()) view.cursor.set(null);
  else if (view.mark.get()) view.mark.set(null);
  else screen.leave();
}

/** Undo or redo; what is on its way may still be undone. */
function step(session: Session, kind: "undo" | "redo"): void {
  const { study, edits } = session;
  if (study.history.get()[kind] || edits.line.get().state !== "quiet") edits.push({ kind });
  else tell(session, `There is nothing to ${kind}.`);
}

/** Whether a command would take a slice out, rather than bring it in. */
export function isIn(session: Session, name: string | null): boolean {
  const { study } = session;
  const { t, z } = study.place.get();
  const label = study.detail.labels.find((one) => one.name === name);
  return study.has(t, z, label ? label.value : null);
}

function inOut(session: Session, name: string | null, allFrames: boolean): void {
  const { study, edits } = session;
  const { t, z } = study.place.get();
  const present = !isIn(session, name);
  const frames = allFrames ? Array.from({ length: study.frames }, (_, k) => k) : [t];
  edits.edit({ action: "slice", frames, slices: [z], structures: name === null ? null : [name], present });
  tell(session, `${name ?? "Slice"} ${present ? "in" : "out"}${allFrames ? " in all frames" : ""}.`);
}

function copyFrom(session: Session, frames: number, steps: number): void {
  const { study, edits, view } = session;
  if (view.cursor.get()) return;
  const { t, z } = study.place.get();
  const source = steps === 0 ? z : study.neighbour(z, steps);
  if (source === null) return tell(session, "There is no slice on that side.", "care");
  const frame = (t + frames + study.frames) % study.frames;
  edits.edit({ action: "copy", from: [frame, source], to: [[t, z]], structures: null });
}

function mark(session: Session): void {
  const { study, view } = session;
  const place = study.place.get();
  const now = view.mark.get();
  view.mark.set(now && now.t === place.t && now.z === place.z ? null : place);
}

function between(session: Session): void {
  const { study, view } = session;
  const { t, z } = study.place.get();
  const mark = view.mark.get();
  if (mark && mark.z === z && mark.t !== t) return take(session, { action: "interpolate_frames", slice: z, from: mark.t, to: t, structures: null });
  if (mark && mark.t === t && mark.z !== z) return take(session, { action: "interpolate_slices", frame: t, from: mark.z, to: z, structures: null });
  if (mark) return tell(session, "The mark must be in this slice or in this frame.", "care");
  const above = study.neighbour(z, -1);
  const below = study.neighbour(z, 1);
  if (above === null || below === null) return tell(session, "This slice has only one neighbour: copy from it.", "care");
  take(session, { action: "interpolate_slices", frame: t, from: above, to: below, structures: null });
}

function betweenFrames(session: Session): void {
  const { study } = session;
  const { t, z } = study.place.get();
  const from = (t - 1 + study.frames) % study.frames;
  take(session, { action: "interpolate_frames", slice: z, from, to: (t + 1) % study.frames, structures: null });
}

function carry(session: Session): void {
  const { study, view } = session;
  const { t, z } = study.place.get();
  const mark = view.mark.get();
  if (!study.differs(t, z)) return tell(session, "There is no correction in this slice and frame yet.", "care");
  const low = mark ? Math.min(mark.t, t) : 0;
  const high = mark ? Math.max(mark.t, t) : study.frames - 1;
  const frames = Array.from({ length: high - low + 1 }, (_, k) => low + k).filter((frame) => frame !== t);
  if (frames.length === 0) return tell(session, "The mark is in this frame: mark another one.", "care");
  take(session, { action: "propagate", slice: z, from: t, frames });
}

function revert(session: Session, all: boolean): void {
  const { t, z } = session.study.place.get();
  take(session, { action: "revert", changes: all ? null : [[t, z]] });
}

function setPhase(session: Session, which: 0 | 1): void {
  const { study } = session;
  const phases = study.phases();
  phases[which] = study.place.get().t;
  take(session, { action: "phases", end_diastole: phases[0], end_systole: phases[1] });
}

function take(session: Session, edit: Edit): void {
  session.edits.edit(edit);
  session.view.mark.set(null);
}
