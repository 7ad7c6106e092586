/** What the page has to say: that the server is away, that another window was quicker, that something is done. */

import { el, sign } from "../page/dom";
import type { Session } from "../state/session";

const SHOWN_MS = 4000;

export function makeNotices(session: Session): HTMLElement {
  const { edits, notice, scope } = session;
  const line = el("div", { class: "line", role: "status" });
  const passing = el("div", { class: "passing", role: "status" });
  let timer = 0;
  scope.whenever([edits.line, edits.refused], () => {
    const now = edits.line.get();
    const refused = edits.refused.get();
    line.replaceChildren();
    if (now.state === "away") {
      line.append(bar("care", `The server does not answer. ${now.waiting === 1 ? "Your stroke is" : `Your ${now.waiting} changes are`} kept in this page and sent as soon as it is back.`));
    } else if (now.state === "locked") {
      line.append(bar("care", "The server was started anew. Open the address that it printed; your strokes are kept, and come back with this study."));
    } else if (now.state === "conflict") {
      const lost = now.lost.length;
      line.append(bar("care", `Another window changed this study: its state is shown.${lost > 0 ? ` Your last ${lost === 1 ? "change was" : `${lost} changes were`} not taken over.` : ""}`,
        lost > 0 && now.lost.some((one) => one.kind === "edit") ? button("Apply mine on top", () => edits.again()) : null, button("Leave it", () => edits.dismiss())));
    } else if (refused) {
      line.append(bar("bad", refused.text, button("Close", () => edits.refused.set(null))));
    }
  });
  scope.whenever([notice], () => {
    const now = notice.get();
    window.clearTimeout(timer);
    passing.replaceChildren(...(now ? [bar(now.kind, now.text, now.act ? button(now.act.title, now.act.run) : null)] : []));
    if (now && now.kind !== "bad") timer = window.setTimeout(() => notice.set(null), SHOWN_MS);
    if (now?.kind === "bad") passing.firstElementChild?.append(button("Close", () => notice.set(null)));
  });
  scope.onEnd(() => window.clearTimeout(timer));
  return el("div", { class: "notices" }, line, passing);
}

function bar(kind: string, text: string, ...acts: (HTMLElement | null)[]): HTMLElement {
  return el("div", { class: `notice ${kind}` }, sign(kind === "good" ? "check" : "warn"), el("span", { text }), ...acts);
}

function button(title: string, run: () => void): HTMLButtonElement {
  const made = el("button", { type: "button", text: title });
  made.addEventListener("click", run);
  return made;
}
