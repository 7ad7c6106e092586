/** The cine at its true rate. */

import { el, sign } from "../page/dom";
import type { Session } from "../state/session";

const SPEEDS = [1, 0.5, 0.25];

/** Length of the beat and start of each frame, in ms; from the file, the heart rate, or one beat a second. */
export function beat(session: Session): { starts_ms: number[]; length_ms: number; told: boolean } {
  const { frames, detail } = session.study;
  const times = detail.frame_times_ms;
  if (times && times.length === frames && frames > 1) {
    const first = times[0];
    const starts_ms = times.map((time) => time - first);
    return { starts_ms, length_ms: (starts_ms[frames - 1] * frames) / (frames - 1), told: true };
  }
  const rate = detail.heart_rate_bpm;
  const length_ms = rate ? 60000 / rate : 1000;
  return { starts_ms: Array.from({ length: frames }, (_, t) => (t * length_ms) / frames), length_ms, told: rate !== null };
}

/** Frame that is shown at a time of the beat. */
export function frameAt(starts_ms: readonly number[], time_ms: number): number {
  let t = starts_ms.length - 1;
  while (t > 0 && starts_ms[t] > time_ms) t -= 1;
  return t;
}

export function makePlayer(session: Session): HTMLElement {
  const { study, view, scope } = session;
  const { starts_ms, length_ms, told } = beat(session);
  const button = el("button", { class: "play", type: "button" });
  button.addEventListener("click", () => view.play.patch({ on: !view.play.get().on }));
  const speed = el("select", { "aria-label": "Speed of the cine" }, ...SPEEDS.map((one) => el("option", { value: `${one}`, text: one === 1 ? "true rate" : `${one} ×` })));
  speed.addEventListener("change", () => view.play.patch({ speed: Number(speed.value) }));
  const rate = el("span", { class: "soft", text: `${Math.round(60000 / length_ms)} bpm${told ? "" : ", assumed"}` });
  let asked = 0;
  let begun = 0;
  const tick = (now: number): void => {
    if (!view.play.get().on) return;
    const time = ((now - begun) * view.play.get().speed) % length_ms;
    study.go(frameAt(starts_ms, time), null);
    asked = requestAnimationFrame(tick);
  };
  let was = { on: false, speed: 1 };
  scope.whenever([view.play], () => {
    const play = view.play.get();
    button.replaceChildren(sign(play.on ? "pause" : "play"));
    button.setAttribute("aria-label", play.on ? "Stop the cine" : "Play the cine");
    button.title = "Space";
    speed.value = `${play.speed}`;
    if (play.on && (!was.on || was.speed !== play.speed)) {
      begun = performance.now() - starts_ms[study.place.get().t] / play.speed;
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(tick);
    }
    was = play;
  });
  scope.onEnd(() => cancelAnimationFrame(asked));
  const phase = (name: string, k: 0 | 1): HTMLElement => {
    const go = el("button", { type: "button", text: name, title: k === 0 ? "End-diastole (D)" : "End-systole (S)" });
    go.addEventListener("click", () => (view.play.patch({ on: false }), study.go(study.phases()[k], null)));
    return go;
  };
  return el("div", { class: "player" }, button, phase("ED", 0), phase("ES", 1), speed, rate);
}
