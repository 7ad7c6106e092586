import assert from "node:assert/strict";
import { test } from "node:test";
import { frameAt } from "../src/panels/player";
import { keyName, shownKey } from "../src/tools/keys";

const press = (key: string, more: Partial<KeyboardEvent> = {}) =>
  keyName({ key, code: "", shiftKey: false, ctrlKey: false, metaKey: false, ...more } as KeyboardEvent);

test("keys have one name each, with what is held", () => {
  assert.equal(press("i"), "I");
  assert.equal(press("I", { shiftKey: true }), "Shift+I");
  assert.equal(press("z", { ctrlKey: true }), "Ctrl+Z");
  assert.equal(press("z", { metaKey: true, shiftKey: true }), "Ctrl+Shift+Z");
  assert.equal(press("ArrowUp", { shiftKey: true }), "Shift+ArrowUp");
});

test("a digit with Shift is that digit on every layout, and signs that need Shift are themselves", () => {
  assert.equal(press("!", { shiftKey: true, code: "Digit1" }), "Shift+1");
  assert.equal(press("?", { shiftKey: true, code: "Slash" }), "?");
  assert.equal(press("?", { shiftKey: true, code: "Minus" }), "?");
  assert.equal(press("+", { shiftKey: true, code: "Equal" }), "+");
});

test("keys are written for people", () => {
  assert.equal(shownKey("Shift+ArrowUp"), "Shift ↑");
  assert.equal(shownKey("Shift+1", true), "⇧ 1");
  assert.equal(shownKey("+"), "+");
});

test("the frame of a time is the last one that has begun", () => {
  const starts = [0, 30, 70, 100];
  assert.deepEqual([0, 29, 30, 69.9, 99, 100, 500].map((time) => frameAt(starts, time)), [0, 0, 1, 1, 2, 3, 3]);
});
