/** Three planes and the surface of a volume, by NiiVue; loaded only when somebody asks for it. */

import { Niivue, NVImage, SHOW_RENDER, SLICE_TYPE } from "@niivue/niivue";
import * as api from "../api/client";
import { parse } from "../draw/colours";
import { el } from "../page/dom";
import type { Session } from "../state/session";

/** Put the planes and the surface into an element, and renew the mask there after each edit; their box is given. */
export async function showVolume(session: Session, holder: HTMLElement): Promise<HTMLElement> {
  const { study, scope } = session;
  const { id, labels } = study.detail;
  const load = async (which: "image" | "mask"): Promise<NVImage> => {
    const response = await fetch(api.volumeAddress(id, which), { credentials: "same-origin" });
    if (!response.ok) throw new Error(`the ${which} did not come (${response.status})`);
    return NVImage.loadFromUrl({ url: (await response.arrayBuffer()) as never, name: `${which}.nii` });
  };
  const mask = async (): Promise<NVImage> => {
    const made = await load("mask");
    const rgb = labels.map((label) => parse(label.colour));
    made.setColormapLabel({
      R: [0, ...rgb.map((c) => c[0])], G: [0, ...rgb.map((c) => c[1])], B: [0, ...rgb.map((c) => c[2])],
      A: [0, ...rgb.map(() => 255)], I: [0, ...labels.map((label) => label.value)], labels: ["", ...labels.map((label) => label.name)],
    });
    return made;
  };
  const box = el("div", { class: "volume-box" });
  holder.append(box);
  const viewers: Niivue[] = [];
  try {
    const planes = await viewer(box, "Three planes through the volume");
    const surface = await viewer(box, "Surface of the mask; drag it to turn it");
    viewers.push(planes, surface);
    planes.opts.multiplanarShowRender = SHOW_RENDER.NEVER;
    planes.addVolume(await load("image"));
    planes.setSliceType(SLICE_TYPE.MULTIPLANAR);
    surface.setSliceType(SLICE_TYPE.RENDER);
    surface.setScale(1.8);
    await put(planes, surface, mask);
    await surface.setVolumeRenderIllumination(0.6);
  } catch (error) {
    box.remove();
    throw error;
  }
  let version = study.history.get().version;
  scope.whenever([study.history], () => {
    if (study.history.get().version === version) return;
    version = study.history.get().version;
    put(viewers[0], viewers[1], mask).catch((error: Error) => session.notice.set({ text: error.message, kind: "care" }));
  });
  scope.onEnd(() => box.remove());
  return box;
}

/** Show the mask as it is now in both views. */
async function put(planes: Niivue, surface: Niivue, mask: () => Promise<NVImage>): Promise<void> {
  const [over, alone] = [await mask(), await mask()];
  over.opacity = 0.5;
  for (const old of planes.volumes.slice(1)) planes.removeVolume(old);
  planes.addVolume(over);
  for (const old of [...surface.volumes]) surface.removeVolume(old);
  surface.addVolume(alone);
}

async function viewer(box: HTMLElement, title: string): Promise<Niivue> {
  const canvas = el("canvas", { "aria-label": title, role: "img" });
  box.append(el("div", {}, canvas));
  const made = new Niivue({
    backColor: [0.02, 0.027, 0.04, 1], show3Dcrosshair: false, isResizeCanvas: true, dragAndDropEnabled: false,
    crosshairColor: [0.42, 0.7, 1, 0.8], loadingText: "", logLevel: "error", isRadiologicalConvention: true,
  });
  await made.attachToCanvas(canvas);
  return made;
}
