/** Grey pictures of slices, through window and level. */

import type { OpenStudy, Window } from "../state/study";

/** A small canvas that holds one slice at a time, ready to be drawn enlarged. */
export class Picture {
  readonly canvas = document.createElement("canvas");
  readonly #context: CanvasRenderingContext2D;
  readonly #pixels: ImageData;
  readonly #words: Uint32Array;
  readonly #table = new Uint32Array(256);
  #window: Window | null = null;

  constructor(readonly width: number, readonly height: number) {
    this.canvas.width = width;
    this.canvas.height = height;
    this.#context = this.canvas.getContext("2d") as CanvasRenderingContext2D;
    this.#pixels = this.#context.createImageData(width, height);
    this.#words = new Uint32Array(this.#pixels.data.buffer);
  }

  /** Hold a slice of the image, or plain grey where there is no image. */
  show(study: OpenStudy, t: number, z: number): HTMLCanvasElement {
    const image = study.image.get();
    this.#prepare(study.window.get());
    if (image) {
      const slice = study.slice(image, t, z);
      for (let k = 0; k < slice.length; k += 1) this.#words[k] = this.#table[slice[k]];
    } else {
      this.#words.fill(0xff_2a_26_24);
    }
    this.#context.putImageData(this.#pixels, 0, 0);
    return this.canvas;
  }

  #prepare(window: Window): void {
    if (window === this.#window) return;
    this.#window = window;
    const span = Math.max(1, window.high - window.low);
    for (let value = 0; value < 256; value += 1) {
      const grey = Math.round(Math.min(255, Math.max(0, ((value - window.low) / span) * 255)));
      this.#table[value] = ((255 << 24) | (grey << 16) | (grey << 8) | grey) >>> 0;
    }
  }
}

/** Pixels that were added or taken away against the model's mask, in two colours. */
export class Difference {
  readonly canvas = document.createElement("canvas");
  readonly #context: CanvasRenderingContext2D;
  readonly #pixels: ImageData;

  constructor(width: number, height: number) {
    this.canvas.width = width;
    this.canvas.height = height;
    this.#context = this.canvas.getContext("2d") as CanvasRenderingContext2D;
    this.#pixels = this.#context.createImageData(width, height);
  }

  /** Added: cyan. Taken away: orange, in a check. Another structure: white. */
  show(study: OpenStudy, t: number, z: number): HTMLCanvasElement {
    const mine = study.slice(study.mask, t, z);
    const theirs = study.slice(study.model, t, z);
    const words = new Uint32Array(this.#pixels.data.buffer);
    const { width } = study.grid;
    for (let k = 0; k < mine.length; k += 1) {
      if (mine[k] === theirs[k]) words[k] = 0;
      else if (theirs[k] === 0) words[k] = 0xa0_ff_e0_40;
      else if (mine[k] === 0) words[k] = ((k % width) + Math.floor(k / width)) % 2 ? 0xd0_20_90_ff : 0x70_20_90_ff;
      else words[k] = 0x90_ff_ff_ff;
    }
    this.#context.putImageData(this.#pixels, 0, 0);
    return this.canvas;
  }
}
