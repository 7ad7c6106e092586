/** The routes of the server, one function each, and the two ways in which a call can fail. */

import type { Answer, Edit, Listing, LongAxis, Masks, Review, Saved, State, StudyDetail } from "./contract";

/** The server answered, and refused. */
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly key: string,
    text: string,
    readonly version: number | null,
  ) {
    super(text);
  }
}

/** The server did not answer. */
export class Unreachable extends Error {}

async function call(path: string, body?: unknown): Promise<Response> {
  const request: RequestInit = { credentials: "same-origin", cache: "no-store" };
  if (body !== undefined) {
    request.method = "POST";
    request.headers = { "Content-Type": "application/json" };
    request.body = JSON.stringify(body);
  }
  let response: Response;
  try {
    response = await fetch(path, request);
  } catch {
    throw new Unreachable("The server does not answer.");
  }
  if (!response.ok) throw await refusal(response);
  return response;
}

async function refusal(response: Response): Promise<Refused> {
  let key = `http_${response.status}`;
  let text = `The server refused (${response.status}).`;
  let version: number | null = null;
  try {
    const told = (await response.json()) as { error?: { key?: string; text?: string; version?: number }; version?: number };
    key = told.error?.key ?? key;
    text = told.error?.text ?? text;
    version = told.version ?? told.error?.version ?? null;
  } catch {
    // The body says nothing that can be read; the status is enough.
  }
  return new Refused(response.status, key, text, version);
}

async function json<T>(path: string, body?: unknown): Promise<T> {
  const response = await call(path, body);
  try {
    return (await response.json()) as T;
  } catch {
    throw new Unreachable("The answer of the server broke off.");
  }
}

async function bytes(path: string): Promise<Uint8Array> {
  const response = await call(path);
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch {
    throw new Unreachable("The answer of the server broke off.");
  }
}

const at = (id: string): string => `/api/studies/${encodeURIComponent(id)}`;

export const studies = (): Promise<Listing> => json("/api/studies");
export const study = (id: string): Promise<StudyDetail> => json(at(id));
export const image = (id: string): Promise<Uint8Array> => bytes(`${at(id)}/image`);
export const mask = (id: string, which: "current" | "model"): Promise<Masks> => json(`${at(id)}/mask?which=${which}`);
export const edit = (id: string, base: number, reader: string, change: Edit): Promise<Answer> =>
  json(`${at(id)}/edits`, { base, reader, ...change });
export const undo = (id: string, base: number, reader: string): Promise<Answer> => json(`${at(id)}/undo`, { base, reader });
export const redo = (id: string, base: number, reader: string): Promise<Answer> => json(`${at(id)}/redo`, { base, reader });
export const save = (id: string, base: number, reader: string): Promise<Saved> =>
  json(`${at(id)}/save`, { base, reader });
export const review = (id: string, state: State, reader: string, comment?: string): Promise<{ review: Review }> =>
  json(`${at(id)}/review`, { state, reader, comment });
export const verify = (id: string, base: number, reader: string): Promise<Saved> => json(`${at(id)}/verify`, { base, reader });
export const longAxes = (id: string): Promise<{ long_axes: { id: string; name: string }[] }> => json(`${at(id)}/long-axes`);
export const longAxis = (id: string, key: string): Promise<LongAxis> => json(`${at(id)}/long-axes/${encodeURIComponent(key)}`);
export const volumeAddress = (id: string, which: "image" | "mask"): string => `${at(id)}/volume?which=${which}`;
