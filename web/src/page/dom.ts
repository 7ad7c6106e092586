/** Elements in one call. */

type Child = Node | string | null | undefined | false;

interface Attributes {
  class?: string;
  text?: string;
  on?: Record<string, (event: never) => void>;
  [name: string]: unknown;
}

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = String(value);
    else if (name === "text") made.textContent = String(value);
    else if (name === "on") {
      for (const [event, listener] of Object.entries(value as Record<string, EventListener>)) made.addEventListener(event, listener);
    } else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.filter((child): child is Node | string => child !== null && child !== undefined && child !== false));
  return made;
}

/** Set text only where it changed: what is read aloud is not read twice. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

export function svg(tag: string, attributes: Record<string, string | number>, ...children: Node[]): SVGElement {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

/** Lines of 24 x 24 signs. */
const SIGNS: Record<string, string> = {
  back: "M15 5l-7 7 7 7",
  previous: "M15 5l-7 7 7 7",
  next: "M9 5l7 7-7 7",
  up: "M5 15l7-7 7 7",
  down: "M5 9l7 7 7-7",
  left: "M15 5l-7 7 7 7",
  right: "M9 5l7 7-7 7",
  undo: "M9 5L4 10l5 5M4 10h9a6 6 0 0 1 0 12h-2",
  redo: "M15 5l5 5-5 5M20 10h-9a6 6 0 0 0 0 12h2",
  help: "M9 9a3 3 0 1 1 4.6 2.5c-1 .7-1.6 1.2-1.6 2.5M12 18.2v.1",
  brush: "M20 4L10.5 13.5M8 14c-2.2 0-3.2 1.6-3.4 3.2-.1 1.2-.7 2-1.6 2.5 3.4.9 7.6-.1 7.6-3.2A2.6 2.6 0 0 0 8 14z",
  eraser: "M8 20h12M5.5 17.5l-2-2a1.6 1.6 0 0 1 0-2.2L13 3.8a1.6 1.6 0 0 1 2.2 0l5 5a1.6 1.6 0 0 1 0 2.2L11 20H8zM9 8l7 7",
  pull: "M4 17C6 9 9 6 13 6s6 3 7 8M13 6V2M10.500 4.500L13 2l2.500 2.500M11.300 6.200a1.700 1.700 0 1 0 3.400 0 1.700 1.700 0 1 0-3.400 0",
  outline: "M12 4c5 0 8 2.500 8 6.500S16 17 12 17c-2 0-3 1-3 3M12 4C7 4 4 6.500 4 10c0 2.500 1.500 4.500 4 5.500",
  fill: "M11 4l8 8-7.500 7.500a1.500 1.500 0 0 1-2 0l-6-6a1.500 1.500 0 0 1 0-2zM3.500 12h15M8 1l5 5M21 15s1.500 2.200 1.500 3.500a1.500 1.500 0 0 1-3 0C19.500 17.200 21 15 21 15z",
  pan: "M12 3v18M3 12h18M9 6l3-3 3 3M9 18l3 3 3-3M6 9l-3 3 3 3M18 9l3 3-3 3",
  window: "M12 3a9 9 0 1 0 0 18 9 9 0 1 0 0-18zM12 3v18M12 7h6M12 11h8.500M12 15h7.500",
  play: "M8 5l11 7-11 7z",
  pause: "M8 5v14M16 5v14",
  slice: "M3 8l9-4 9 4-9 4zM3 12l9 4 9-4M3 16l9 4 9-4",
  copy: "M8 8h12v12H8zM16 8V4H4v12h4",
  between: "M4 5h16M4 19h16M7 12h10M12 8v8",
  carry: "M3 12h13M12 7l5 5-5 5M20 5v14",
  changes: "M4 8h9M8.500 3.500v9M12 18h8",
  revert: "M4 12a8 8 0 1 0 3-6.200M4 4v5h5",
  check: "M5 13l4.500 4.500L19 7",
  cross: "M6 6l12 12M18 6L6 18",
  warn: "M12 4l9 16H3zM12 10v4.500M12 17.200v.1",
  eye: "M2 12s4-6.500 10-6.500S22 12 22 12s-4 6.500-10 6.500S2 12 2 12zM9.500 12a2.500 2.500 0 1 0 5 0 2.500 2.500 0 1 0-5 0",
  hidden: "M2 12s4-6.500 10-6.500S22 12 22 12s-4 6.500-10 6.500S2 12 2 12zM4 20L20 4",
  save: "M5 4h11l3 3v13H5zM8 4v5h7V4M8 20v-6h8v6",
  heart: "M12 20C5 15 3 12 3 8.800A4.600 4.600 0 0 1 12 7a4.600 4.600 0 0 1 9 1.800C21 12 19 15 12 20z",
  cube: "M12 3l8 4.500v9L12 21l-8-4.500v-9zM4 7.500l8 4.500 8-4.500M12 12v9",
  fit: "M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5",
  grid: "M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h6v6h-6z",
  mark: "M6 3h12v18l-6-5-6 5z",
  axis: "M4 20L20 4M4 4h5M4 4v5M20 20h-5M20 20v-5",
};

export function sign(name: string): SVGElement {
  return svg("svg", { viewBox: "0 0 24 24", class: "sign", "aria-hidden": "true", focusable: "false" },
    svg("path", { d: SIGNS[name] ?? "" }));
}
