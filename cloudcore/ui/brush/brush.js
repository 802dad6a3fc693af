/* Hands on the canvas: pointers, keys, tool bar, and what is told to Python (a label at the end of every stroke). */
const PLAIN_VIEW = { brightness: 0, contrast: 1, gamma: 1, ratio: false };
const LARGEST = 256;
const KEPT_DOCUMENTS = 4;
const REMIND_MS = 5000;
/* Settings and labels outlive a canvas: leaving the page and coming back finds the tools and the undo steps again. */
const settings = {
  tool: "brush", paint: CLOUD, size: 21, opacity: 0.34, tolerance: 16, keepPaint: true, hidden: false, contour: true,
  dome: true, horizon: true, rings: true, ...PLAIN_VIEW,
};
const documents = new Map();
const canvases = new WeakMap();

/* How each slider's position becomes a setting, and how the setting is written beside it. */
const SLIDERS = {
  size: {
    read: (v) => Math.max(1, Math.round(LARGEST ** (v / 100))),
    place: (size) => (100 * Math.log(size)) / Math.log(LARGEST),
    text: (size) => `${size} px`,
  },
  tolerance: { read: Number, place: Number, text: (v) => (v >= 255 ? "any" : `±${v}`) },
  opacity: { read: (v) => v / 100, place: (v) => v * 100, text: (v) => `${Math.round(v * 100)} %` },
  brightness: { read: (v) => v / 100, place: (v) => v * 100, text: (v) => `${v > 0 ? "+" : v < 0 ? "−" : ""}${Math.abs(v).toFixed(2)}` },
  contrast: { read: (v) => v / 100, place: (v) => v * 100, text: (v) => v.toFixed(2) },
  gamma: { read: (v) => v / 100, place: (v) => v * 100, text: (v) => v.toFixed(2) },
};
const TOOL_KEYS = { b: "brush", e: "eraser", f: "fill", p: "pan" };

class Canvas {
  constructor(root) {
    this.root = root;
    this.section = root.querySelector(".brush");
    this.box = root.querySelector(".stage");
    this.ring = root.querySelector(".ring");
    const layers = {};
    root.querySelectorAll("canvas").forEach((canvas) => (layers[canvas.dataset.layer] = canvas));
    this.stage = new Stage(layers, settings);
    this.pointers = new Map();
    this.at = null;
    this.quit = new AbortController();
    this.listen();
    this.measure = new ResizeObserver(() => this.resize());
    this.measure.observe(this.box);
    this.resize();
    this.showSettings();
  }

  one(selector) {
    return this.root.querySelector(selector);
  }

  close() {
    this.finish();
    clearTimeout(this.reminder);
    this.quit.abort();
    this.measure.disconnect();
  }

  resize() {
    const { clientWidth, clientHeight } = this.box;
    this.stage.resize(clientWidth, clientHeight, window.devicePixelRatio || 1);
    this.showStatus();
  }

  /* ---- what Python sends ---- */

  show(data, send) {
    this.send = send;
    this.colours();
    if (!data) return;
    if (data !== this.data) {
      const known = documents.get(data.doc);
      const fresh = !known || known.rev < data.rev;
      if (fresh) this.keep(data.doc, labelOf(data));
      if (fresh || data.doc !== this.data?.doc) this.open(data);
      this.stage.data = { ...data, dome: data.dome && { ...data.dome } };
      this.data = data;
      this.stage.want("guides");
    }
    this.lay(data.lay);
    this.hear(globalThis.cloudBrushNotes?.[data.doc]);
    this.showStatus();
  }

  keep(doc, label) {
    documents.delete(doc);
    documents.set(doc, label);
    for (const old of [...documents.keys()].slice(0, -KEPT_DOCUMENTS)) documents.delete(old);
  }

  open(data) {
    this.stroke = null;
    clearTimeout(this.reminder);
    this.label = documents.get(data.doc);
    this.stage.colour = data.colour;
    this.section.style.setProperty("--paint", data.colour);
    this.section.classList.toggle("low", Boolean(data.low));
    this.one("[data-paint='1'] span").textContent = data.word;
    this.one("[data-paint='2']").hidden = Boolean(data.edit);
    this.stage.open(data, this.label);
    this.stage.tiles.clear();
    const image = new Image();
    image.onload = () => {
      if (this.data.doc === data.doc) this.stage.setPicture(image);
      this.section.dataset.ready = data.doc;
    };
    image.src = data.image;
  }

  /** Lays a whole new label (a first coat, a shape, an old revision) as one stroke that can be undone. */
  lay(coat) {
    if (!coat || coat.id <= this.label.laid) return;
    this.label.laid = coat.id;
    this.label.replace(coat.cloud, coat.undefined);
    this.commit();
  }

  /** Python's word on the last label that it holds. */
  hear(note) {
    if (!note || note.doc !== this.data?.doc) return;
    this.note = note;
    this.section.dataset.heldRev = note.rev;
    this.showStatus();
  }

  /* ---- tools ---- */

  get tool() {
    return this.panning ? "pan" : settings.tool;
  }

  value(event) {
    const wipe = settings.tool === "eraser" || event.button === 2 || event.buttons === 2 || event.buttons === 32;
    return wipe ? SKY : settings.paint;
  }

  start(event) {
    const point = this.point(event);
    const panning = this.tool === "pan" || event.button === 1;
    const handle = this.data.edit === "dome" && !panning ? this.handleAt(point) : null;
    if (handle) this.stroke = { kind: handle, last: point };
    else if (panning) this.stroke = { kind: "pan", x: event.clientX, y: event.clientY };
    else if (this.tool === "fill") this.fill(point, this.value(event));
    else {
      this.stroke = { kind: "line", value: this.value(event), last: point };
      this.label.line(point, point, settings.size, this.stroke.value);
      this.stage.want("stroke");
    }
    this.cursor();
  }

  fill(point, value) {
    const [x, y] = [Math.floor(point.x), Math.floor(point.y)];
    if (!this.stage.source || x < 0 || y < 0 || x >= this.label.width || y >= this.label.height) return;
    this.label.fill(x, y, this.stage.comparable, settings.tolerance, value, settings.keepPaint);
    this.commit();
  }

  move(event) {
    const stroke = this.stroke;
    if (!stroke) return;
    if (stroke.kind === "pan") {
      this.stage.pan(event.clientX - stroke.x, event.clientY - stroke.y);
      Object.assign(stroke, { x: event.clientX, y: event.clientY });
      this.showStatus();
    } else if (stroke.kind === "line") {
      for (const step of event.getCoalescedEvents?.() ?? [event]) {
        const point = this.point(step);
        this.label.line(stroke.last, point, settings.size, stroke.value);
        stroke.last = point;
      }
      this.stage.want("stroke");
    } else {
      this.dragDome(stroke, this.point(event));
    }
  }

  /** Ends what the pointer does; a label that changed goes to Python. */
  finish() {
    const stroke = this.stroke;
    this.stroke = null;
    if (stroke?.kind === "line") this.commit();
    if (stroke?.kind === "centre" || stroke?.kind === "rim") this.send("dome", { doc: this.data.doc, ...this.stage.data.dome });
    this.cursor();
  }

  commit() {
    if (this.label.commit()) this.tell();
    this.stage.want("stroke");
    this.showStatus();
  }

  tell() {
    this.section.dataset.rev = this.label.rev;
    this.send("label", this.label.message(this.data.doc));
    this.showStatus();
    this.remind(0);
  }

  /** A label that Python does not confirm is sent again: a connection may have broken meanwhile. */
  remind(times) {
    clearTimeout(this.reminder);
    this.reminder = setTimeout(() => {
      if (!this.label || this.note?.rev >= this.label.rev) return;
      this.send("label", { ...this.label.message(this.data.doc), again: times + 1 });
      this.remind(times + 1);
    }, REMIND_MS * 2 ** Math.min(times, 4));
  }

  handleAt(point) {
    const near = 12 / this.stage.view.scale;
    const [centre, rim] = handlesOf(this.stage.data.dome).map(([x, y]) => Math.hypot(point.x - x, point.y - y) < near);
    return rim ? "rim" : centre ? "centre" : null;
  }

  dragDome(stroke, point) {
    const dome = this.stage.data.dome;
    if (stroke.kind === "centre") {
      dome.x += point.x - stroke.last.x;
      dome.y += point.y - stroke.last.y;
    } else {
      dome.radius = Math.max(8, Math.hypot(point.x - dome.x - 0.5, point.y - dome.y - 0.5));
    }
    stroke.last = point;
    this.stage.want("guides");
  }

  act(name) {
    if (name === "undo" || name === "redo") {
      this.finish();
      if (this.label[name]()) this.tell();
      this.stage.want("stroke");
    }
    if (name === "hide") this.set({ hidden: !settings.hidden });
    if (name === "contour") this.set({ contour: !settings.contour });
    if (name === "fit") this.stage.fit();
    if (name === "view") this.togglePanel();
    if (name === "plain") this.set(PLAIN_VIEW);
    this.showStatus();
  }

  set(change) {
    const toned = Object.keys(change).some((name) => name in PLAIN_VIEW);
    Object.assign(settings, change);
    if (toned) this.stage.develop();
    this.stage.want("label", "guides");
    this.showSettings();
  }

  togglePanel(open = this.one(".panel").hidden) {
    this.one(".panel").hidden = !open;
    this.one("[data-act=view]").setAttribute("aria-expanded", open);
  }

  resizeBrush(direction) {
    const step = Math.max(1, Math.round(settings.size * 0.12));
    this.set({ size: Math.max(1, Math.min(LARGEST, settings.size + direction * step)) });
    this.cursor();
  }

  /* ---- what is heard ---- */

  listen() {
    const on = (target, names, act, options = {}) =>
      names.split(" ").forEach((name) => target.addEventListener(name, act, { signal: this.quit.signal, ...options }));
    on(this.box, "pointerdown", (event) => this.down(event));
    on(this.box, "pointermove", (event) => this.moved(event));
    on(this.box, "pointerup pointercancel", (event) => this.up(event));
    on(this.box, "pointerleave", () => this.left());
    on(this.box, "contextmenu", (event) => event.preventDefault());
    on(this.box, "mousedown", (event) => event.button === 1 && event.preventDefault()); // no scrolling by the middle button
    on(this.box, "wheel", (event) => this.wheel(event), { passive: false });
    on(this.one(".panel"), "pointerdown pointermove pointerup wheel", (event) => event.stopPropagation());
    on(window, "keydown", (event) => this.keyDown(event), { capture: true });
    on(window, "keyup", (event) => this.keyUp(event), { capture: true });
    on(window, "blur", () => this.release());
    on(window, "cloud-brush-note", (event) => this.hear(event.detail));
    this.root.querySelectorAll("button").forEach((button) => {
      on(button, "pointerdown", (event) => event.preventDefault()); // the focus stays where it was
      on(button, "click", () => this.press(button.dataset));
    });
    this.root.querySelectorAll("[data-set]").forEach((input) => on(input, "input", () => this.read(input)));
  }

  press({ tool, act, paint }) {
    if (tool) this.set({ tool });
    if (paint) this.set({ paint: Number(paint), tool: settings.tool === "fill" ? "fill" : "brush" });
    if (act) this.act(act);
    this.cursor();
  }

  read(input) {
    const name = input.dataset.set;
    this.set({ [name]: input.type === "checkbox" ? input.checked : SLIDERS[name].read(Number(input.value)) });
  }

  down(event) {
    if (!this.label) return;
    if (!this.one(".panel").hidden) this.togglePanel(false);
    this.box.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    this.at = event;
    if (this.pointers.size === 1) this.start(event);
    if (this.pointers.size === 2) this.pinchStart();
    this.cursor();
  }

  moved(event) {
    this.at = event;
    if (this.pointers.has(event.pointerId)) {
      if (this.pinch) this.pinchMove(event);
      else this.move(event);
    }
    this.cursor();
    this.showPlace();
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (this.pinch) {
      if (!this.pointers.size) this.pinch = null;
    } else if (event.type === "pointercancel") {
      this.abandon();
    } else {
      this.finish();
    }
    if (event.pointerType === "touch") this.left();
  }

  left() {
    if (this.stroke) return;
    this.at = null;
    this.cursor();
    this.showPlace();
  }

  abandon() {
    if (this.stroke?.kind === "line") this.label.cancel();
    this.stroke = null;
    this.stage.want("stroke");
  }

  /** A second finger: what the first began to paint is taken back, both now zoom and shift. */
  pinchStart() {
    this.abandon();
    this.pinch = true;
  }

  pinchMove(event) {
    const before = this.fingers();
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    const after = this.fingers();
    if (!before || !after) return;
    this.stage.pan(after.x - before.x, after.y - before.y);
    this.stage.zoom(after.spread / before.spread, after.x, after.y);
    this.showStatus();
  }

  fingers() {
    const [a, b] = [...this.pointers.values()];
    if (!b) return null;
    const { left, top } = this.box.getBoundingClientRect();
    return { x: (a.x + b.x) / 2 - left, y: (a.y + b.y) / 2 - top, spread: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) };
  }

  wheel(event) {
    if (!this.label) return;
    event.preventDefault();
    const { left, top } = this.box.getBoundingClientRect();
    const pixels = event.deltaY * (event.deltaMode ? 16 : 1);
    const near = this.at && Math.hypot(this.at.clientX - event.clientX, this.at.clientY - event.clientY) < 1.5;
    if (!near) this.at = event; // wheel events come in whole px, pointers more exactly
    const factor = Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.0016));
    this.stage.zoom(factor, this.at.clientX - left, this.at.clientY - top);
    this.cursor();
    this.showStatus();
  }

  /** Keys work wherever the focus is, except in text fields and behind a dialog. */
  keyDown(event) {
    if (!this.label || this.deaf(event)) return;
    const key = event.key.toLowerCase();
    const command = event.ctrlKey || event.metaKey;
    if (command && key === "z") this.act(event.shiftKey ? "redo" : "undo");
    else if (command && key === "y") this.act("redo");
    else if (command || event.altKey) return void (key === "enter" && this.finish()); // saving takes the open stroke along
    else if (key in TOOL_KEYS) this.press({ tool: TOOL_KEYS[key] });
    else if (key === "u") this.press({ paint: this.data.edit ? CLOUD : settings.paint === UNDEFINED ? CLOUD : UNDEFINED });
    else if (key === "h") this.act("hide");
    else if (key === "o") this.act("contour");
    else if (key === "0") this.act("fit");
    else if (key === "[" || key === "]") this.resizeBrush(key === "]" ? 1 : -1);
    else if (key === " " && this.at) this.panning = true;
    else return void ((key === "a" || key === "d") && this.finish());
    event.preventDefault();
    event.stopPropagation();
    this.cursor();
  }

  keyUp(event) {
    if (event.key !== " " || !this.panning) return;
    this.release();
    event.preventDefault();
    event.stopPropagation();
  }

  release() {
    this.panning = false;
    this.cursor();
  }

  deaf(event) {
    const target = event.composedPath()[0];
    const typing = target.closest?.("textarea, select, [contenteditable=true], [role=combobox], input:not([type=range], [type=checkbox], [type=radio], [type=button])");
    const dialog = document.querySelector("[data-testid=stDialog]");
    return Boolean(typing) || Boolean(dialog && !dialog.contains(this.section.getRootNode().host));
  }

  point(event) {
    const { left, top } = this.box.getBoundingClientRect();
    return this.stage.toImage(event.clientX - left, event.clientY - top);
  }

  /* ---- what is said in words and at the cursor ---- */

  cursor() {
    const drawing = this.tool === "brush" || this.tool === "eraser";
    const held = this.stroke?.kind === "pan";
    this.box.dataset.cursor = held ? "grabbing" : drawing ? "ring" : this.tool;
    this.ring.hidden = !drawing || !this.at || held;
    if (this.ring.hidden) return;
    const { left, top } = this.box.getBoundingClientRect();
    const wide = Math.max(3, settings.size * this.stage.view.scale);
    this.ring.style.width = this.ring.style.height = `${wide}px`;
    this.ring.style.transform = `translate(${this.at.clientX - left - wide / 2}px,${this.at.clientY - top - wide / 2}px)`;
    this.ring.classList.toggle("tiny", wide < 10);
    this.ring.classList.toggle("erase", this.stroke ? this.stroke.value === SKY : settings.tool === "eraser");
  }

  colours() {
    const dark = luminance(getComputedStyle(this.section).getPropertyValue("--st-background-color")) < 0.5;
    this.section.classList.toggle("dark", dark);
  }

  showSettings() {
    for (const input of this.root.querySelectorAll("[data-set]")) {
      const slider = SLIDERS[input.dataset.set];
      const value = settings[input.dataset.set];
      if (!slider) {
        input.checked = value;
        continue;
      }
      input.value = slider.place(value);
      input.style.setProperty("--at", `${(100 * (input.value - input.min)) / (input.max - input.min)}%`);
      this.one(`[data-show=${input.dataset.set}]`).textContent = slider.text(value);
    }
    const pressed = (selector, on) => this.one(selector).setAttribute("aria-pressed", on);
    Object.values(TOOL_KEYS).forEach((tool) => pressed(`[data-tool=${tool}]`, tool === settings.tool));
    [CLOUD, UNDEFINED].forEach((paint) => pressed(`[data-paint='${paint}']`, paint === settings.paint));
    pressed("[data-act=hide]", settings.hidden);
    pressed("[data-act=contour]", settings.contour);
    this.one(".sized").hidden = settings.tool === "fill";
    this.root.querySelectorAll(".filled").forEach((label) => (label.hidden = settings.tool !== "fill"));
  }

  say(name, text) {
    this.one(`[data-note=${name}]`).textContent = text;
  }

  showPlace() {
    const point = this.at && this.label ? this.point(this.at) : null;
    const [x, y] = point ? [Math.floor(point.x), Math.floor(point.y)] : [-1, -1];
    const inside = point && x >= 0 && y >= 0 && x < this.label.width && y < this.label.height;
    this.say("place", inside ? `x ${x}   y ${y}` : "x –   y –");
    const dome = this.stage.data?.dome;
    const altitude = inside && dome ? 90 * (1 - Math.hypot(x - dome.x, y - dome.y) / dome.radius) : -1;
    this.say("altitude", altitude >= 0 ? `altitude ${Math.round(altitude)}°` : "");
  }

  showStatus() {
    if (!this.label || !this.data) return;
    const { label, note } = this;
    const view = this.stage.view;
    const fraction = label.cloudFraction;
    const oktas = okta(fraction);
    this.say("share", Number.isNaN(fraction) ? "" : `${this.data.word.toLowerCase()} ${fraction.toFixed(3)}${this.data.edit ? "" : `, ${oktas} ${oktas === 1 ? "okta" : "oktas"}`}`);
    this.say("strokes", `${label.strokes} ${label.strokes === 1 ? "stroke" : "strokes"}`);
    this.say("kept", note?.doc === this.data.doc && note.rev >= label.rev ? note.text : label.strokes ? "keeping the draft" : "");
    this.say("zoom", `zoom ${Math.round(view.scale * 100)} %`);
    Object.assign(this.section.dataset, { doc: this.data.doc, rev: label.rev, strokes: label.strokes });
    this.section.dataset.view = [view.scale, view.x, view.y].join(" ");
    this.one("[data-act=undo]").disabled = !label.undos.length;
    this.one("[data-act=redo]").disabled = !label.redos.length;
    this.showPlace();
  }
}

function labelOf(data) {
  const [height, width] = data.shape;
  const valid = data.valid === null ? new Uint8Array(height * width).fill(1) : decodeRuns(data.valid, new Uint8Array(height * width), height, width, 1);
  const label = new Label(height, width, valid);
  label.load(data.cloud, data.undefined);
  label.rev = data.rev;
  return label;
}

/** 0..1 of a "#rrggbb" or "rgb(r, g, b)" colour. */
function luminance(colour) {
  const hex = colour.trim().match(/^#(..)(..)(..)/);
  const parts = hex ? hex.slice(1).map((v) => parseInt(v, 16)) : (colour.match(/\d+/g) ?? [255, 255, 255]).map(Number);
  return (0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]) / 255;
}

export default function ({ data, parentElement, setStateValue }) {
  if (!canvases.has(parentElement)) canvases.set(parentElement, new Canvas(parentElement));
  const canvas = canvases.get(parentElement);
  canvas.show(data, setStateValue);
  return () => {
    canvas.close();
    canvases.delete(parentElement);
  };
}
