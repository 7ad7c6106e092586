/** Keys of the keyboard, as the list of commands names them. */

import type { Command } from "./commands";

/** Name a key press: Ctrl (or Command), Shift where it is no part of the sign, then the key. */
export function keyName(event: KeyboardEvent): string {
  const digit = /^Digit(\d)$/.exec(event.code);
  let key = event.key.length === 1 ? event.key.toUpperCase() : event.key;
  if (digit && event.shiftKey && !/[+=\-\[\]?]/.test(event.key)) key = digit[1];
  const shift = event.shiftKey && (event.key.length > 1 || /^[A-Z0-9]$/.test(key));
  return `${event.ctrlKey || event.metaKey ? "Ctrl+" : ""}${shift ? "Shift+" : ""}${key}`;
}

/** Whether a key press belongs to the element that has the focus. */
export function isTaken(event: KeyboardEvent): boolean {
  const at = event.target;
  if (!(at instanceof HTMLElement)) return false;
  const writes = at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement
    || (at instanceof HTMLInputElement && !["checkbox", "radio", "range", "button"].includes(at.type));
  if (writes) return !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "s";
  if (event.key === "Enter" || event.key === " ") return at.matches("button, a, input, summary, [role=slider]");
  if (event.key.startsWith("Arrow") || ["Home", "End"].includes(event.key)) return at.matches("input, [role=slider]") && !event.shiftKey;
  return false;
}

/** How a key is written for people. */
export function shownKey(name: string, short = false): string {
  const signs: Record<string, string> = {
    ...(short ? { Shift: "⇧" } : {}),
    ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→", " ": "Space", Escape: "Esc", Backspace: "⌫",
    PageDown: "Page ↓", PageUp: "Page ↑",
  };
  const parts = name === "+" ? ["+"] : name.split(/\+(?=.)/);
  return parts.map((part) => signs[part] ?? part).join(" ");
}

/** Run the command of a key press. */
export function runKey(event: KeyboardEvent, commands: readonly Command[]): boolean {
  if (event.altKey || isTaken(event) || document.querySelector("dialog[open]")) return false;
  const name = keyName(event);
  const command = commands.find((one) => one.keys.includes(name));
  if (!command) return false;
  event.preventDefault();
  command.run();
  return true;
}
