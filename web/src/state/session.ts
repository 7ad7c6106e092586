/** What the parts of the screen of one study share. */

import type { LongAxis } from "../api/contract";
import type { EditLine } from "./edits";
import { Signal, type Scope } from "./signal";
import type { OpenStudy } from "./study";
import type { View } from "./view";

export interface Notice {
  text: string;
  kind: "good" | "care" | "bad";
  act?: { title: string; run: () => void };
}

export interface Session {
  study: OpenStudy;
  view: View;
  edits: EditLine;
  scope: Scope;
  reader: Signal<string>;
  notice: Signal<Notice | null>;
  longAxis: Signal<LongAxis | null>;
}

/** Tell the reader something that goes away by itself. */
export function tell(session: Session, text: string, kind: Notice["kind"] = "good"): void {
  session.notice.set({ text, kind });
}
