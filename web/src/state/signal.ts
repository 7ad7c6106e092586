/** Values that tell who listens when they change. */

export class Signal<T> {
  readonly #listeners = new Set<() => void>();
  #value: T;

  constructor(value: T) {
    this.#value = value;
  }

  get(): T {
    return this.#value;
  }

  /** Set a new value; the same one is not told again. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    this.tell();
  }

  /** Change an object's fields. */
  patch(fields: Partial<T>): void {
    this.set({ ...this.#value, ...fields });
  }

  /** Say that the value changed inside. */
  tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

type Listened = Pick<Signal<unknown>, "listen">;

/** What lives as long as one screen: its listeners end together. */
export class Scope {
  readonly #ends: (() => void)[] = [];
  #abort = new AbortController();

  /** For `addEventListener` and the like. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  onEnd(end: () => void): void {
    this.#ends.push(end);
  }

  /** Run now, and once before the next picture whenever one of the signals has changed. */
  whenever(signals: readonly Listened[], run: () => void): () => void {
    let asked = 0;
    const ask = (): void => {
      if (asked === 0) asked = requestAnimationFrame(() => ((asked = 0), run()));
    };
    for (const signal of signals) this.#ends.push(signal.listen(ask));
    this.#ends.push(() => cancelAnimationFrame(asked));
    run();
    return ask;
  }

  end(): void {
    this.#abort.abort();
    for (const end of this.#ends.splice(0)) end();
  }
}
