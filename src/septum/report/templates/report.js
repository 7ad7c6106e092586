"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const study = JSON.parse(byId("septum-study").textContent);
  const pictures = JSON.parse(byId("septum-pictures").textContent);
  const stage = byId("stage");
  const { rows, columns, tile, tiles_a_row: tilesARow } = pictures;
  const [heightMm, widthMm] = pictures.extent_mm;
  const volumes = study.indices ? study.indices.volumes_ml : {};
  const phases = study.indices && study.indices.phases;
  const state = { frame: 0, slice: 0, overlay: true, playing: false };

  // Pictures: one sheet a slice, decoded when it is first wanted.
  const sheets = new Map();
  function sheet(slice) {
    if (!sheets.has(slice)) {
      const image = new Image();
      image.addEventListener("load", () => slice === state.slice && draw());
      image.src = pictures.sheets[slice];
      sheets.set(slice, image);
    }
    return sheets.get(slice);
  }

  // Masks: runs of a label byte and a LEB128 length, of all frames of a slice.
  const masks = new Map();
  function mask(slice) {
    if (!masks.has(slice)) {
      const bytes = atob(pictures.runs[slice]);
      const labels = new Uint8Array(study.frames * rows * columns);
      let at = 0;
      for (let i = 0; i < bytes.length; ) {
        const label = bytes.charCodeAt(i++);
        let length = 0;
        let shift = 0;
        let byte;
        do {
          byte = bytes.charCodeAt(i++);
          length += (byte & 0x7f) * 2 ** shift;
          shift += 7;
        } while (byte & 0x80);
        if (label) labels.fill(label, at, at + length);
        at += length;
      }
      masks.set(slice, labels);
    }
    return masks.get(slice);
  }

  // Borders of a label: the edges of its voxels, as closed loops through the middles of the edges.
  const borders = new Map();
  function loops(frame, slice, value) {
    const key = `${frame} ${slice} ${value}`;
    if (!borders.has(key)) borders.set(key, trace(mask(slice), frame * rows * columns, value));
    return borders.get(key);
  }

  function trace(labels, offset, value) {
    const inside = (x, y) =>
      x >= 0 && y >= 0 && x < columns && y < rows && labels[offset + y * columns + x] === value;
    const width = columns + 1;
    const ways = new Map();
    const edge = (x0, y0, x1, y1) => {
      const from = y0 * width + x0;
      if (!ways.has(from)) ways.set(from, []);
      ways.get(from).push(y1 * width + x1);
    };
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        if (labels[offset + y * columns + x] !== value) continue;
        if (!inside(x, y - 1)) edge(x, y, x + 1, y);
        if (!inside(x + 1, y)) edge(x + 1, y, x + 1, y + 1);
        if (!inside(x, y + 1)) edge(x + 1, y + 1, x, y + 1);
        if (!inside(x - 1, y)) edge(x, y + 1, x, y);
      }
    }
    const found = [];
    for (const [start, next] of ways) {
      while (next.length) {
        const corners = [];
        let here = start;
        do {
          corners.push([here % width, Math.floor(here / width)]);
          here = ways.get(here).pop();
        } while (here !== start);
        found.push(smooth(corners.map((p, i) => middle(p, corners[(i + 1) % corners.length]))));
      }
    }
    return found;
  }

  const middle = (p, q) => [(p[0] + q[0]) / 2, (p[1] + q[1]) / 2];

  // Stairs of voxels are rounded by less than half a voxel; a loop of a few voxels is left as it is.
  function smooth(points) {
    const n = points.length;
    if (n < 16) return points;
    for (let pass = 0; pass < 2; pass++) {
      points = points.map((p, i) => {
        const a = points[(i + n - 1) % n];
        const b = points[(i + 1) % n];
        return [(a[0] + 2 * p[0] + b[0]) / 4, (a[1] + 2 * p[1] + b[1]) / 4];
      });
    }
    return points;
  }

  function draw() {
    const context = stage.getContext("2d");
    const { width, height } = stage;
    const image = sheet(state.slice);
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    if (image.complete && image.naturalWidth) {
      const left = (state.frame % tilesARow) * tile[0];
      const top = Math.floor(state.frame / tilesARow) * tile[1];
      context.imageSmoothingQuality = "high";
      context.drawImage(image, left, top, tile[0], tile[1], 0, 0, width, height);
    }
    if (state.overlay) {
      const opacity = Number(byId("opacity").value) / 100;
      const shown = new Set([...document.querySelectorAll("input.structure:checked")].map((i) => Number(i.value)));
      for (const structure of study.structures) {
        if (shown.has(structure.value)) paint(context, structure, opacity);
      }
    }
  }

  function paint(context, structure, opacity) {
    const path = new Path2D();
    const [sx, sy] = [stage.width / columns, stage.height / rows];
    for (const loop of loops(state.frame, state.slice, structure.value)) {
      loop.forEach(([x, y], i) => (i ? path.lineTo(x * sx, y * sy) : path.moveTo(x * sx, y * sy)));
      path.closePath();
    }
    const colour = `rgb(${structure.colour.join(" ")}`;
    context.fillStyle = `${colour} / ${opacity})`;
    context.fill(path, "evenodd");
    context.strokeStyle = `${colour})`;
    context.lineWidth = 1.75 * (window.devicePixelRatio || 1);
    context.stroke(path);
  }

  function fit() {
    const room = stage.closest(".stage").clientWidth;
    const most = Math.max(280, Math.min(620, window.innerHeight * 0.72));
    const scale = Math.min(room / widthMm, most / heightMm);
    const density = window.devicePixelRatio || 1;
    stage.style.width = `${Math.floor(widthMm * scale)}px`;
    stage.style.height = `${Math.floor(heightMm * scale)}px`;
    stage.width = Math.round(widthMm * scale * density);
    stage.height = Math.round(heightMm * scale * density);
    draw();
  }

  // Volumes are rounded as in the tables: whole, with one digit below ten.
  function millilitres(volume) {
    const tenths = Math.floor(volume * 10 + 0.5) / 10;
    return tenths < 10 ? tenths.toFixed(1) : Math.floor(volume + 0.5).toFixed(0);
  }

  // What is shown, in words and on the curve.
  function tell() {
    const { frame, slice } = state;
    const time = study.times_ms ? `${Math.round(study.times_ms[frame])} ms` : "";
    const names = [];
    if (phases && study.frames > 1) {
      if (frame === phases.end_diastole) names.push("ED");
      if (frame === phases.end_systole) names.push("ES");
    }
    const place = `slice ${slice} (0–${study.slices - 1})`;
    const parts = [`frame ${frame} (0–${study.frames - 1})`, time, names.join(" "), place];
    byId("where").textContent = (study.frames > 1 ? parts : parts.slice(3)).filter(Boolean).join(" · ");
    for (const [name, value, told] of [["frame", frame, time], ["slice", slice, ""]]) {
      const slider = byId(name);
      if (!slider) continue;
      slider.value = value;
      slider.setAttribute("aria-valuetext", [`${name} ${value}`, told].filter(Boolean).join(", "));
      byId(`${name}-now`).textContent = value;
    }
    for (const cell of document.querySelectorAll("td.now")) {
      cell.textContent = millilitres(volumes[cell.dataset.structure][frame]);
    }
    for (const button of document.querySelectorAll("button.phase")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.frame) === frame));
    }
    const curve = byId("curve");
    if (!curve) return;
    const x = curve.dataset.x.split(",")[frame];
    const cursor = curve.querySelector(".cursor");
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    for (const dot of curve.querySelectorAll("circle.now")) {
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", dot.dataset.y.split(",")[frame]);
    }
  }

  function show(frame, slice) {
    state.frame = ((frame % study.frames) + study.frames) % study.frames;
    state.slice = Math.min(Math.max(slice, 0), study.slices - 1);
    draw();
    tell();
  }

  // Playing at the speed of the heart, where times are known; one beat a second where they are not.
  function beatMs() {
    const times = study.times_ms;
    const n = study.frames;
    return times && times[n - 1] > times[0] ? ((times[n - 1] - times[0]) * n) / (n - 1) : 1000;
  }

  let started = 0;
  function play(on) {
    state.playing = on && study.frames > 1;
    const button = byId("play");
    if (!button) return;
    button.textContent = state.playing ? "Pause" : "Play";
    if (!state.playing) return;
    started = performance.now() - (state.frame / study.frames) * (beatMs() / speed());
    requestAnimationFrame(step);
  }

  const speed = () => Number(byId("speed").value);

  function step(now) {
    if (!state.playing) return;
    const share = (Math.max(0, now - started) * speed()) / beatMs();
    const frame = Math.floor(share * study.frames) % study.frames;
    if (frame !== state.frame) show(frame, state.slice);
    requestAnimationFrame(step);
  }

  function go(frame) {
    play(false);
    show(frame, state.slice);
  }

  function listen(id, event, action) {
    const element = byId(id);
    if (element) element.addEventListener(event, action);
  }

  listen("frame", "input", (e) => go(Number(e.target.value)));
  listen("slice", "input", (e) => show(state.frame, Number(e.target.value)));
  listen("play", "click", () => play(!state.playing));
  listen("speed", "change", () => play(state.playing));
  listen("opacity", "input", draw);
  document.querySelectorAll("input.structure").forEach((box) => box.addEventListener("change", draw));
  document.querySelectorAll("button.phase").forEach((button) =>
    button.addEventListener("click", () => go(Number(button.dataset.frame))),
  );
  listen("curve", "click", (e) => {
    const curve = byId("curve");
    const box = curve.getBoundingClientRect();
    const x = ((e.clientX - box.left) / box.width) * curve.viewBox.baseVal.width;
    const far = curve.dataset.x.split(",").map((place) => Math.abs(Number(place) - x));
    go(far.indexOf(Math.min(...far)));
  });

  const keys = {
    ArrowLeft: () => go(state.frame - 1),
    ArrowRight: () => go(state.frame + 1),
    ArrowUp: () => show(state.frame, state.slice - 1),
    ArrowDown: () => show(state.frame, state.slice + 1),
    " ": () => play(!state.playing),
    e: () => phases && go(phases.end_diastole),
    s: () => phases && go(phases.end_systole),
    o: () => {
      state.overlay = !state.overlay;
      draw();
    },
  };
  stage.addEventListener("keydown", (e) => {
    const action = keys[e.key.length === 1 ? e.key.toLowerCase() : e.key];
    if (!action || e.ctrlKey || e.metaKey || e.altKey) return;
    e.preventDefault();
    action();
  });
  stage.addEventListener(
    "wheel",
    (e) => {
      if (document.activeElement !== stage || !e.deltaY) return; // an unfocused picture lets the page scroll
      e.preventDefault();
      show(state.frame, state.slice + Math.sign(e.deltaY));
    },
    { passive: false },
  );

  // The address may name what to show: #frame=3&slice=2.
  function fromAddress() {
    const asked = new URLSearchParams(location.hash.slice(1));
    const number = (name) => (/^\d+$/.test(asked.get(name) || "") ? Number(asked.get(name)) : state[name]);
    if (!asked.has("frame") && !asked.has("slice")) return;
    play(false);
    show(Math.min(number("frame"), study.frames - 1), number("slice"));
    if (asked.has("frame")) byId("viewer").scrollIntoView({ block: "nearest" });
  }
  window.addEventListener("hashchange", fromAddress);
  document.querySelectorAll("a.tile").forEach((link) =>
    link.addEventListener("click", () => link.hash === location.hash && fromAddress()),
  );
  window.addEventListener("resize", fit);

  show(pictures.start.frame, pictures.start.slice);
  fromAddress();
  fit();
  document.documentElement.dataset.ready = "true";
})();
