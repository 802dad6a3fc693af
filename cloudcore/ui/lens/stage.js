// The panels of a lens. The frame, its levels and its truth come once; the shared link says where the sliders stand.

const stages = new WeakMap();

class Stage {
  constructor(root) {
    this.lens = root.querySelector(".lens");
    this.panels = {};
    for (const figure of root.querySelectorAll("figure")) this.panels[figure.dataset.panel] = figure;
    this.over = root.querySelector(".over");
    this.divider = root.querySelector(".divider");
    this.zoom = { scale: 1, x: 0, y: 0 };
    this.split = 0.5;
    this.wanted = 0;
    this.listen();
  }

  panel(name) { return this.panels[name].querySelector("canvas"); }
  // Whole pictures are put every step: kept in memory, a put costs a tenth of a millisecond.
  pen(canvas) { return canvas.getContext("2d", { willReadFrequently: true }); }
  words(name) { return this.panels[name].querySelector(".words"); }

  follow(link) {
    if (this.link === link) return;
    this.leave();
    this.link = link;
    this.heard = () => this.request();
    link.listeners.add(this.heard);
  }

  leave() {
    this.link?.listeners.delete(this.heard);
    cancelAnimationFrame(this.wanted);
    this.wanted = 0;
  }

  // Loads another frame; the old pictures stay until the new are ready.
  async load(data) {
    this.doc = data.doc;
    const picture = new Image();
    picture.src = data.image;
    const [level, code] = await Promise.all([inflate(data.levels), inflate(data.codes), picture.decode()]);
    if (this.doc !== data.doc) return;
    const { width, height } = data;
    this.data = data;
    this.field = new Field(level, width, height);
    this.mask = new Uint8Array(width * height);
    for (const canvas of this.lens.querySelectorAll("canvas")) { canvas.width = width; canvas.height = height; }
    const frame = this.pen(this.panel("frame"));
    frame.drawImage(picture, 0, 0, width, height);
    const behind = data.names.black ? new Uint8ClampedArray(4 * width * height) : frame.getImageData(0, 0, width, height).data;
    this.tints = new Tints(behind, code, width, height, data.night, data.names.ink);
    this.cloudPixels = new ImageData(width, height);
    this.thirdPixels = new ImageData(width, height);
    this.zoom = { scale: 1, x: 0, y: 0 };
    this.place();
    this.draw();
  }

  request() {
    if (!this.wanted) this.wanted = requestAnimationFrame(() => { this.wanted = 0; this.draw(); });
  }

  draw() {
    const { link, field, data, tints } = this;
    if (!field || link.k === null) return;
    const started = performance.now(), truthOnly = link.mode === "truth";
    this.lens.dataset.mode = link.mode ?? "errors";
    const reach = Math.max(1, Math.round((1.5 * data.width) / (this.panel("cloud").clientWidth || data.width)));
    field.mask(link.k, link.minSize, this.mask);
    const cloud = new Int32Array(this.cloudPixels.data.buffer), third = new Int32Array(this.thirdPixels.data.buffer);
    tints.outlined(this.mask, reach, cloud);
    this.pen(this.panel("cloud")).putImageData(this.cloudPixels, 0, 0);
    const counts = tints.errors(this.mask, third);
    if (truthOnly) tints.outlined(tints.truth, reach, third);
    this.pen(this.panel("third")).putImageData(this.thirdPixels, 0, 0);
    if (link.mode === "wipe" && this.overDoc !== data.doc) this.drawOver(reach);
    this.lens.dataset.stepMs = (performance.now() - started).toFixed(2);
    this.tell(counts);
  }

  drawOver(reach) {
    const pixels = new ImageData(this.data.width, this.data.height);
    this.tints.outlined(this.tints.truth, reach, new Int32Array(pixels.data.buffer));
    this.pen(this.over).putImageData(pixels, 0, 0);
    this.overDoc = this.data.doc;
  }

  // Captions, the key with its shares, the words for a screen reader, and the mask's checksum.
  tell(counts) {
    const { lens, data, link, tints } = this, inside = Math.max(1, tints.inside);
    lens.dataset.doc = data.doc;
    lens.dataset.threshold = data.thresholds[link.k];
    lens.dataset.minSize = link.minSize;
    const sum = checksum(this.mask);
    if (lens.dataset.checksum !== sum) delete lens.dataset.rle;
    lens.dataset.checksum = sum;
    const share = (part) => { const of = (100 * part) / inside; return `${of < 10 ? of.toFixed(1) : of.toFixed(0)} %`; };
    for (const name of ["hit", "wrong", "missed"])
      lens.querySelector(`[data-count=${name}]`).textContent = `${data.names[name]} ${share(counts[name])}`;
    const cloudy = (part) => tints.inside ? `${(part / inside).toFixed(3)} ${data.names.thing}${data.names.oktas ? ` · ${oktas(part, inside)}` : ""}` : "–";
    this.words("cloud").textContent = `${data.names.model}, ${cloudy(counts.hit + counts.wrong)}`;
    this.words("third").textContent = `${data.names.truth}, ${cloudy(counts.hit + counts.missed)}`;
    if (!lens.classList.contains("pointed")) this.words("frame").textContent = data.caption;
    lens.querySelector(".side.left").textContent = data.names.truth;
    lens.querySelector(".side.right").textContent = data.names.model;
    this.panel("frame").setAttribute("aria-label", `Frame ${data.caption}`);
    this.panel("cloud").setAttribute("aria-label", this.words("cloud").textContent);
    const found = `${data.names.wrong} ${counts.wrong.toLocaleString("en")} px, ${data.names.missed} ${counts.missed.toLocaleString("en")} px`;
    this.panel("third").setAttribute("aria-label", link.mode === "truth" ? this.words("third").textContent : `Errors: ${found}`);
  }

  // Zoom (Ctrl and wheel, pinch, double click), pan, cursor and divider: the same in every panel.
  place() {
    const { scale, x, y } = this.zoom, lens = this.lens;
    lens.classList.toggle("zoomed", scale > 1);
    lens.classList.toggle("near", scale >= 3);
    lens.style.setProperty("--zoom", scale);
    for (const sheet of lens.querySelectorAll(".sheet"))
      sheet.style.transform = `translate(${-100 * x * scale}%, ${-100 * y * scale}%) scale(${scale})`;
    this.over.style.clipPath = `inset(0 ${100 - 100 * this.split}% 0 0)`;
    this.divider.style.left = `${100 * this.split}%`;
    this.divider.setAttribute("aria-valuenow", Math.round(100 * this.split));
    this.divider.setAttribute("aria-valuetext", `${Math.round(100 * this.split)} % truth`);
  }

  // Where a pointer is, in parts of the view and of the frame.
  at(event, view) {
    const box = view.getBoundingClientRect(), { scale, x, y } = this.zoom;
    const u = (event.clientX - box.left) / box.width, v = (event.clientY - box.top) / box.height;
    return { u, v, fx: x + u / scale, fy: y + v / scale };
  }

  zoomTo(scale, point) {
    const kept = Math.min(16, Math.max(1, scale)), room = 1 - 1 / kept, held = (value) => Math.min(room, Math.max(0, value));
    this.zoom = { scale: kept, x: held(point.fx - point.u / kept), y: held(point.fy - point.v / kept) };
    this.place();
  }

  listen() {
    for (const view of this.lens.querySelectorAll(".view")) {
      view.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && !event.metaKey) return;
        event.preventDefault();
        this.zoomTo(this.zoom.scale * Math.exp(-event.deltaY / 240), this.at(event, view));
      }, { passive: false });
      view.addEventListener("dblclick", (event) => this.zoomTo(this.zoom.scale > 1 ? 1 : 4, this.at(event, view)));
      view.addEventListener("pointermove", (event) => this.point(event, view));
      view.addEventListener("pointerleave", () => this.unpoint());
      view.addEventListener("pointerdown", (event) => {
        if (this.zoom.scale > 1 && event.target !== this.divider) this.drag(event, view);
      });
    }
    this.divider.addEventListener("pointerdown", (event) => this.dragDivider(event));
    this.divider.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
      if (step) { event.preventDefault(); event.stopPropagation(); this.divide(this.split + step); }
    });
    this.lens.querySelector(".copy").addEventListener("click", (event) => this.copy(event.currentTarget));
  }

  divide(part) {
    this.split = Math.min(1, Math.max(0, part));
    this.place();
  }

  dragDivider(event) {
    event.preventDefault();
    event.stopPropagation();
    this.divider.focus({ preventScroll: true });
    const view = this.divider.closest(".view"), move = (moved) => this.divide(this.at(moved, view).fx);
    this.hold(this.divider, event, move);
  }

  drag(event, view) {
    const start = this.at(event, view);
    this.hold(view, event, (moved) => {
      const now = this.at(moved, view);
      this.zoomTo(this.zoom.scale, { ...now, fx: start.fx, fy: start.fy });
    });
  }

  hold(element, event, move) {
    element.setPointerCapture(event.pointerId);
    element.addEventListener("pointermove", move);
    const done = () => element.removeEventListener("pointermove", move);
    element.addEventListener("pointerup", done, { once: true });
    element.addEventListener("pointercancel", done, { once: true });
  }

  point(event, view) {
    if (!this.field) return;
    const { fx, fy } = this.at(event, view), { width, height, thresholds, names } = this.data;
    const x = Math.min(width - 1, Math.max(0, Math.floor(fx * width))), y = Math.min(height - 1, Math.max(0, Math.floor(fy * height)));
    for (const cross of this.lens.querySelectorAll(".cross")) { cross.style.left = `${100 * fx}%`; cross.style.top = `${100 * fy}%`; }
    this.lens.classList.add("pointed");
    const code = this.tints.code[y * width + x], level = this.field.level[y * width + x];
    const from = level ? thresholds[level - 1].toFixed(2) : "0", to = level < thresholds.length ? thresholds[level].toFixed(2) : "1";
    const said = code >> 1 ? "not counted" : `probability ${from}–${to} · ${names.truth} ${code & 1 ? names.thing : names.nothing}`;
    this.words("frame").textContent = `${x}, ${y} · ${said}`;
  }

  unpoint() {
    this.lens.classList.remove("pointed");
    if (this.data) this.words("frame").textContent = this.data.caption;
  }

  async copy(button) {
    if (!this.mask) return;
    const text = runLengths(this.mask, this.data.width, this.data.height);
    this.lens.dataset.rle = text;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "Copied";
    } catch (refused) {
      button.textContent = "Not allowed";
    }
    setTimeout(() => { button.textContent = "Copy mask"; }, 1500);
  }
}

function oktas(part, all) {
  const okta = part === 0 ? 0 : part === all ? 8 : Math.min(7, Math.max(1, Math.floor((8 * part) / all + 0.5)));
  return okta === 1 ? "1 okta" : `${okta} oktas`;
}

export default function (component) {
  const { data, parentElement } = component;
  if (!stages.has(parentElement)) stages.set(parentElement, new Stage(parentElement));
  const stage = stages.get(parentElement);
  stage.follow(linkOf(data.link));
  if (stage.doc !== data.doc) stage.load(data);
  else stage.request();
  return () => { stage.leave(); stages.delete(parentElement); };
}
