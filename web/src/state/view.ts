/** How a study is shown, and what the hand does. It stays from study to study. */

import { Signal } from "./signal";

export type ToolName = "brush" | "eraser" | "pull" | "outline" | "fill" | "pan" | "window";

export interface Shown {
  lines: boolean;
  fill: boolean;
  changes: boolean;
  /** Values of structures that are hidden. */
  hidden: ReadonlySet<number>;
  longAxis: boolean;
  allPhases: boolean;
}

export interface Hand {
  tool: ToolName;
  /** Value of the structure that is drawn. */
  value: number;
  diameter_mm: number;
  /** Whether a stroke takes pixels from other structures. */
  over: boolean;
}

/** Pixel of the image in the middle of the pane, and pixels of the screen per mm. */
export interface Camera {
  x: number;
  y: number;
  scale: number;
}

export interface Play {
  on: boolean;
  speed: number;
}

export class View {
  readonly shown = new Signal<Shown>({
    lines: true, fill: true, changes: false, hidden: new Set(), longAxis: true, allPhases: false,
  });
  readonly hand = new Signal<Hand>({ tool: "brush", value: 1, diameter_mm: 8, over: true });
  readonly camera = new Signal<Camera | null>(null);
  readonly play = new Signal<Play>({ on: false, speed: 1 });
  /** Whether a pen was used: from then on it draws, and a finger moves the picture. */
  pen = false;
  /** Place that a key marked, for interpolation and carrying over. */
  readonly mark = new Signal<{ t: number; z: number } | null>(null);
  /** Pixel below the keyboard's own cursor; null while the arrows move through frames and slices. */
  readonly cursor = new Signal<{ x: number; y: number; down: boolean } | null>(null);
}
