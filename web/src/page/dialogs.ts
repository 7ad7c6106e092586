/** Dialogs of the page: a question, a consent, the keys. */

import type { Command } from "../tools/commands";
import { shownKey } from "../tools/keys";
import { el, sign } from "./dom";

function open(title: string, ...content: Node[]): HTMLDialogElement {
  const dialog = el("dialog", { "aria-label": title }, el("h2", { text: title }), ...content);
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Ask for a line of text; null if it is given up. */
export function askFor(title: string, text: string, label: string): Promise<string | null> {
  return new Promise((answer) => {
    const field = el("input", { id: "asked", autocomplete: "name", required: true, maxlength: "200" });
    const form = el("form", { method: "dialog" },
      el("p", { text }), el("label", { for: "asked", text: label }), field,
      el("div", { class: "row" }, el("button", { class: "good", value: "yes", text: "Go on" }), cancelButton()));
    const dialog = open(title, form);
    field.focus();
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes" ? field.value.trim() || null : null));
  });
}

/** Ask whether something shall be done. */
export function confirmThat(title: string, text: string, yes: string): Promise<boolean> {
  return new Promise((answer) => {
    const form = el("form", { method: "dialog" }, el("p", { text }),
      el("div", { class: "row" }, el("button", { class: "good", value: "yes", text: yes }), cancelButton()));
    const dialog = open(title, form);
    dialog.addEventListener("close", () => answer(dialog.returnValue === "yes"));
  });
}

function cancelButton(): HTMLElement {
  const button = el("button", { type: "button", text: "Cancel" });
  button.addEventListener("click", () => button.closest("dialog")?.close(""));
  return button;
}

/** Show all keys. */
export function showKeys(groups: Record<string, readonly { keys: readonly string[]; title: string }[]>): void {
  const close = el("button", { type: "button", class: "close", "aria-label": "Close" }, sign("cross"));
  const dialog = open("Keys", close,
    el("div", { class: "keys", tabindex: "0", role: "group", "aria-label": "List of keys" }, ...Object.entries(groups).map(([group, commands]) =>
      el("section", {}, el("h3", { text: group }), el("dl", {}, ...commands.flatMap((command) => [
        el("dt", {}, ...command.keys.flatMap((key, k) => [k > 0 ? " " : "", el("kbd", { text: shownKey(key) })])),
        el("dd", { text: command.title }),
      ]))))),
    el("p", { class: "soft", text: "Wheel: slices. Shift and wheel: frames. Ctrl and wheel, or two fingers: zoom. Right button: window and level. Middle button: move. Alt with a brush, or the other end of a pen: erase." }),
    el("p", { class: "soft", text: "On a screen that is touched, one finger draws, and two move and zoom. Where a pen was used, the pen draws, and one finger moves the picture." }));
  dialog.classList.add("wide");
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("keydown", (event) => event.key === "?" && dialog.close());
}

export function byGroup(commands: readonly Command[]): Record<string, Command[]> {
  const groups: Record<string, Command[]> = {};
  for (const command of commands) (groups[command.group] ??= []).push(command);
  return groups;
}
