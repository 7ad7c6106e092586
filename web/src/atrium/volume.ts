/** Three planes and the surface of a volume, by NiiVue; loaded only when somebody asks for it. */

import { Niivue, NVImage, SLICE_TYPE } from "@niivue/niivue";
import * as api from "../api/client";
import { parse } from "../draw/colours";
import { el } from "../page/dom";
import type { Session } from "../state/session";

/** Put the planes into an element, and renew the mask there after each edit. */
export async function showVolume(session: Session, holder: HTMLElement): Promise<void> {
  const { study, scope } = session;
  const canvas = el("canvas", { class: "volume-canvas", "aria-label": "Three planes and surface", role: "img" });
  const box = el("div", { class: "volume-box" }, canvas);
  holder.append(box);
  const viewer = new Niivue({
    backColor: [0.02, 0.027, 0.04, 1], show3Dcrosshair: true, isResizeCanvas: true, dragAndDropEnabled: false,
    crosshairColor: [0.42, 0.7, 1, 0.8], loadingText: "", multiplanarShowRender: 1, logLevel: "error" as never,
  });
  try {
    await viewer.attachToCanvas(canvas);
  } catch (error) {
    box.remove();
    throw error;
  }
  const { id } = study.detail;
  const load = async (which: "image" | "mask"): Promise<NVImage> => {
    const response = await fetch(api.volumeAddress(id, which), { credentials: "same-origin" });
    if (!response.ok) throw new Error(`the ${which} did not come (${response.status})`);
    return NVImage.loadFromUrl({ url: await response.arrayBuffer() as never, name: `${which}.nii` });
  };
  const colour = (mask: NVImage): void => {
    const labels = study.detail.labels;
    const rgb = labels.map((label) => parse(label.colour));
    mask.setColormapLabel({
      R: [0, ...rgb.map((c) => c[0])], G: [0, ...rgb.map((c) => c[1])], B: [0, ...rgb.map((c) => c[2])],
      A: [0, ...rgb.map(() => 255)], I: [0, ...labels.map((label) => label.value)], labels: ["", ...labels.map((label) => label.name)],
    });
    mask.opacity = 0.5;
  };
  viewer.addVolume(await load("image"));
  let mask = await load("mask");
  colour(mask);
  viewer.addVolume(mask);
  viewer.setSliceType(SLICE_TYPE.MULTIPLANAR);
  viewer.setInterpolation(false);
  let version = study.history.get().version;
  scope.whenever([study.history], () => {
    if (study.history.get().version === version) return;
    version = study.history.get().version;
    void load("mask").then((fresh) => {
      viewer.removeVolume(mask);
      mask = fresh;
      colour(mask);
      viewer.addVolume(mask);
    });
  });
  scope.onEnd(() => box.remove());
}
