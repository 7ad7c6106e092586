/** Colours of structures, made light enough for lines on a dark image. */

export type Rgb = readonly [number, number, number];

export function parse(colour: string): Rgb {
  const number = Number.parseInt(colour.slice(1), 16);
  return [(number >> 16) & 255, (number >> 8) & 255, number & 255];
}

/** Mixed with white until it stands out from black as text must (4.5 to 1). */
export function onDark(colour: string): string {
  let rgb = parse(colour);
  for (let k = 0; k < 12 && luminance(rgb) < 0.26; k += 1) rgb = mixed(rgb, 255, 0.1);
  return css(rgb);
}

/** Mixed with black until it stands out from white as a line must (3 to 1). */
export function onLight(colour: string): string {
  let rgb = parse(colour);
  for (let k = 0; k < 12 && luminance(rgb) > 0.28; k += 1) rgb = mixed(rgb, 0, 0.1);
  return css(rgb);
}

function mixed(rgb: Rgb, towards: number, share: number): Rgb {
  return [0, 1, 2].map((k) => rgb[k] + (towards - rgb[k]) * share) as unknown as Rgb;
}

function css(rgb: Rgb): string {
  return `rgb(${rgb.map((part) => Math.round(part)).join(" ")})`;
}

/** Relative luminance (WCAG 2.2). */
export function luminance(rgb: Rgb): number {
  const [r, g, b] = rgb.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
