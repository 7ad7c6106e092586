/** The decision: accept, reject, comment, save, verify; each with the reader's name. */

import * as api from "../api/client";
import type { State } from "../api/contract";
import { askFor, confirmThat } from "../page/dialogs";
import { el, sign } from "../page/dom";
import { tell, type Session } from "../state/session";

export const STATES: Record<State, { title: string; sign: string; kind: string }> = {
  unseen: { title: "To look at", sign: "eye", kind: "none" },
  accepted: { title: "Accepted", sign: "check", kind: "good" },
  corrected: { title: "Corrected", sign: "brush", kind: "good" },
  rejected: { title: "Rejected", sign: "cross", kind: "bad" },
};

export function stateChip(state: State): HTMLElement {
  const { title, kind, sign: name } = STATES[state];
  return el("span", { class: `chip ${kind}` }, sign(name), title);
}

export class ReviewPanel {
  readonly element: HTMLElement;
  readonly #reader: HTMLInputElement;
  readonly #comment: HTMLTextAreaElement;
  /** Whether the comment was changed since the last decision. */
  #typed = false;

  constructor(readonly session: Session, readonly decided: (state: State) => void) {
    const { study, scope, reader } = session;
    this.#reader = el("input", { id: "reader", autocomplete: "name", maxlength: "200", value: reader.get() });
    this.#reader.addEventListener("change", () => reader.set(this.#reader.value.trim()));
    this.#comment = el("textarea", { id: "comment", rows: "1", maxlength: "10000" });
    this.#comment.addEventListener("input", () => (this.#typed = true));
    const state = el("div", { class: "state" });
    const accept = this.#button("check", "Accept", "A", () => void this.accept(), "good");
    accept.title = "Accept the mask; a corrected one is saved (A)";
    const reject = this.#button("cross", "Reject", "R", () => void this.decide("rejected"), "bad");
    const save = this.#button("save", "Save", "Ctrl S", () => void this.save());
    const verify = this.#button("check", "Verify …", "", () => void this.verify());
    verify.title = "State under your name that the saved measurement is right";
    this.element = el("section", { class: "panel review", "aria-label": "Decision" },
      el("header", {}, el("h2", { text: "Decision" }), state),
      el("div", { class: "field" }, el("label", { for: "reader", text: "Reader" }), this.#reader),
      el("div", { class: "field" }, el("label", { for: "comment" }, "Comment ", el("kbd", { text: "Q" })), this.#comment),
      el("div", { class: "two" }, accept, reject),
      el("div", { class: "two" }, save, verify),
      el("p", { class: "soft small guide", text: "Look through the slices, correct what is wrong, then accept. Accepting saves what you corrected." }),
      el("p", { class: "soft small disclaimer", text: "Research software, not a medical device." }));
    scope.whenever([study.review, study.history, reader], () => {
      const review = study.review.get();
      state.replaceChildren(stateChip(review.state));
      state.title = review.reader ? `by ${review.reader}` : "";
      save.disabled = !this.unsaved();
      if (document.activeElement !== this.#reader) this.#reader.value = reader.get();
      verify.hidden = !study.detail.verifiable;
      verify.disabled = review.state === "rejected";
      const mine = !reader.get() || review.reader === reader.get();
      if (!this.#typed) this.#comment.value = mine ? review.comment : "";
      this.#comment.placeholder = mine || !review.comment ? "" : `${review.reader}: ${review.comment}`;
    });
  }

  /** Whether there is something that no file has yet. */
  unsaved(): boolean {
    const { version, saved, undo } = this.session.study.history.get();
    return saved === null ? undo : saved !== version;
  }

  focusComment(): void {
    this.#comment.focus();
  }

  async accept(): Promise<void> {
    if (!(await this.#named())) return;
    if (this.#toSave() && !(await this.save())) return;
    await this.decide("accepted"); // the server tells whether the mask is a corrected one
  }

  async decide(state: State): Promise<void> {
    const { study, edits, reader } = this.session;
    if (!(await this.#named())) return;
    await this.#try(async () => {
      await edits.settled();
      const { review } = await api.review(study.detail.id, state, reader.get(), this.#typed ? this.#comment.value.trim() : undefined);
      this.#typed = false;
      study.review.set(review);
      tell(this.session, `${STATES[review.state].title}. J opens the next study.`);
      this.decided(review.state);
    });
  }

  async save(): Promise<boolean> {
    const { study, edits, reader } = this.session;
    if (!this.unsaved()) {
      tell(this.session, "Everything is saved.");
      return true;
    }
    if (!(await this.#named())) return false;
    return this.#try(async () => {
      await edits.settled();
      const { files, saved_version, review } = await api.save(study.detail.id, study.history.get().version, reader.get());
      const undecided = review.state === "unseen" && study.review.get().state !== "unseen";
      study.history.patch({ saved: saved_version });
      study.review.set(review);
      if (undecided) this.decided(review.state);
      tell(this.session, `Saved: ${files.join(", ")}.${undecided ? " The decision was on the earlier mask: decide again." : ""}`);
    });
  }

  async verify(): Promise<void> {
    const { study, edits, reader } = this.session;
    const rejected = study.review.get().state === "rejected";
    if (rejected || !study.detail.verifiable) {
      tell(this.session, rejected ? "The study is rejected: accept it before you verify it." : "There is no DICOM report that could be verified.", "bad");
      return;
    }
    if (!(await this.#named())) return;
    const sure = await confirmThat("Verify this measurement?",
      `The report of this study becomes verified under the name ${reader.get()}. Do so only if you have looked at the mask in every slice at end-diastole and end-systole.`,
      "I verify it");
    if (!sure) return;
    if (this.unsaved() && !(await this.save())) return;
    await this.#try(async () => {
      await edits.settled();
      const { saved_version, review } = await api.verify(study.detail.id, study.history.get().version, reader.get());
      study.history.patch({ saved: saved_version });
      study.review.set(review);
      tell(this.session, `Verified by ${reader.get()}.`);
    });
  }

  /** Whether the file holds another mask than the one that is shown; strokes that were all undone need no file. */
  #toSave(): boolean {
    const { undo, saved } = this.session.study.history.get();
    return this.unsaved() && (undo || (saved ?? 0) > 0);
  }

  async #named(): Promise<boolean> {
    const { reader } = this.session;
    if (reader.get()) return true;
    const name = await askFor("Who reads this study?", "Your name is written beside the decision.", "Reader");
    if (name) reader.set(name);
    return Boolean(name);
  }

  async #try(act: () => Promise<void>): Promise<boolean> {
    try {
      await act();
      return true;
    } catch (error) {
      const text = error instanceof api.Unreachable ? "The server does not answer: nothing was written. Start septum view again, and repeat this." : (error as Error).message;
      tell(this.session, text, "bad");
      return false;
    }
  }

  #button(name: string, title: string, key: string, run: () => void, kind = ""): HTMLButtonElement {
    const button = el("button", { type: "button", class: kind }, sign(name), el("span", { text: title }), key ? el("kbd", { text: key }) : null);
    button.addEventListener("click", run);
    return button;
  }
}
