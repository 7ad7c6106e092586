/** What server and page say to each other. Arrays are (T, Z, Y, X); units are in names. */

export type State = "unseen" | "accepted" | "corrected" | "rejected";

/** A slice's mask: value, length, value, length, ... in rows; background after the last run is left out. */
export type Runs = readonly number[];

/** Frame, slice, mask. */
export type SliceRuns = readonly [t: number, z: number, runs: Runs];

export interface Row {
  id: string;
  name: string;
  verdict: string | null;
  flags: string[];
  ef_lv: number | null;
  ef_rv: number | null;
  model: string | null;
  state: State;
  reader: string;
  comment: string;
  edited: boolean;
}

/** How far a segmentation is: studies, and frames of the one that is segmented now. */
export interface Progress {
  done: number;
  total: number;
  current: string;
  frame: number;
  frames: number;
}

export interface Listing {
  studies: Row[];
  /** Studies that could not be segmented, in words. */
  problems: string[];
  progress: Progress | null;
  reader: string;
}

export interface Label {
  name: string;
  value: number;
  role: string | null;
  colour: string;
}

export interface Item {
  key: string;
  title: string;
  value: number | null;
  unit: string;
  indexed: number | null;
}

export interface Flag {
  key: string;
  text: string;
  level: string;
  /** Where to look, from 0, if the text names a place. */
  frame: number | null;
  slice: number | null;
}

/** One of the 17 segments of the left ventricle's wall. */
export interface WallSegment {
  segment: number;
  name: string;
  ed_mm: number | null;
  es_mm: number | null;
  thickening_percent: number | null;
}

export interface Numbers {
  volumes_ml: Record<string, (number | null)[]>;
  end_diastole: number | null;
  end_systole: number | null;
  items: Item[];
  verdict: string | null;
  verdict_line: string | null;
  flags: Flag[];
  ef_interval: Record<string, unknown> | null;
  wall: WallSegment[] | null;
}

export interface Review {
  state: State;
  reader: string;
  comment: string;
}

export interface Saved {
  files: string[];
  saved_version: number;
  /** The decision, which does not count any more if it was on another mask. */
  review: Review;
}

export interface StudyDetail {
  id: string;
  name: string;
  version: number;
  shape: [t: number, z: number, y: number, x: number];
  spacing_mm: [z: number, y: number, x: number];
  frame_times_ms: number[] | null;
  heart_rate_bpm: number | null;
  labels: Label[];
  phases: { end_diastole: number | null; end_systole: number | null };
  window: { low: number; high: number };
  image: { dtype: string; available: boolean; message: string | null };
  orientation: { left: string; right: string; top: string; bottom: string } | null;
  slices: { base_side: boolean }[] | null;
  /** How sure the model is that a structure is in a slice, by frame (or by ED and ES) and slice; null where it does not say. */
  presence: Record<string, (number | null)[][]> | null;
  numbers: Numbers;
  original_numbers: Numbers;
  review: Review;
  /** Whether there is a DICOM report that can be verified. */
  verifiable: boolean;
  edits: number;
  can_undo: boolean;
  can_redo: boolean;
  saved_version: number | null;
  /** Who the patient is, only where the server was told to say it. */
  identity: Record<string, string> | null;
  notes: { key: string; text: string }[];
}

export interface Masks {
  version: number;
  slices: SliceRuns[];
}

export interface Answer {
  version: number;
  changed: SliceRuns[];
  numbers: Numbers;
  can_undo: boolean;
  can_redo: boolean;
}

export type Edit =
  | { action: "paint"; changes: SliceRuns[] }
  | { action: "slice"; frames: number[]; slices: number[]; structures: string[] | null; present: boolean }
  | { action: "copy"; from: [number, number]; to: [number, number][]; structures: string[] | null }
  | { action: "interpolate_slices"; frame: number; from: number; to: number; structures: string[] | null }
  | { action: "interpolate_frames"; slice: number; from: number; to: number; structures: string[] | null }
  | { action: "propagate"; slice: number; from: number; frames: number[] }
  | { action: "revert"; changes: [number, number][] | null }
  | { action: "phases"; end_diastole: number; end_systole: number };

export type Line = readonly [readonly [y: number, x: number], readonly [y: number, x: number]];

export interface LongAxis {
  shape: [t: number, y: number, x: number];
  spacing_mm: [y: number, x: number];
  lines: (Line | null)[];
  sax_lines: (Line | null)[];
  /** Base64 of the grey values (T, Y, X). */
  image: string;
}
