/* What is seen: three canvases over one another (picture, label, guides) under one view of scale and shift. */
const TILE = 64;
const RINGS = [30, 60];
const HATCH = "#808890";

/** Outline of the pixels where `inside(i)`, in the tile whose first pixel is (x0, y0). Along pixel edges when `exact`
 *  (seen from near), else across corners (marching squares), which looks like a line and not like stairs. */
function outline(inside, height, width, x0, y0, exact) {
  const path = new Path2D();
  const at = (x, y) => x >= 0 && y >= 0 && x < width && y < height && inside(y * width + x);
  const x1 = x0 + TILE >= width ? width : x0 + TILE - 1;
  const y1 = y0 + TILE >= height ? height : y0 + TILE - 1;
  const segment = (a, b, c, d) => {
    path.moveTo(a, b);
    path.lineTo(c, d);
  };
  for (let y = y0; y <= y1; y++) {
    for (let x = x0; x <= x1; x++) {
      const corners = (at(x - 1, y - 1) ? 8 : 0) + (at(x, y - 1) ? 4 : 0) + (at(x, y) ? 2 : 0) + (at(x - 1, y) ? 1 : 0);
      if (corners === 0 || corners === 15) continue;
      if (exact) edgesOfCorner(corners, x, y, segment);
      else cutCorner(corners, x, y, segment);
    }
  }
  return path;
}

/** The two pixel edges that leave the corner (x, y) to the right and downwards. */
function edgesOfCorner(corners, x, y, segment) {
  const [upperRight, lowerRight, lowerLeft] = [corners & 4, corners & 2, corners & 1];
  if (!upperRight !== !lowerRight) segment(x, y, x + 1, y);
  if (!lowerLeft !== !lowerRight) segment(x, y, x, y + 1);
}

function cutCorner(corners, x, y, segment) {
  const [top, right, bottom, left] = [[x, y - 0.5], [x + 0.5, y], [x, y + 0.5], [x - 0.5, y]];
  const join = (a, b) => segment(a[0], a[1], b[0], b[1]);
  const same = corners > 7 ? 15 - corners : corners; // a line has two sides
  if (same === 1 || corners === 10) join(left, bottom);
  if (same === 2 || corners === 5) join(bottom, right);
  if (same === 4 || corners === 10) join(top, right);
  if (same === 7 || corners === 5) join(left, top);
  if (same === 3) join(left, right);
  if (same === 6) join(top, bottom);
}

/** Brightness, contrast and gamma as one table of 256 values. */
function toneTable({ brightness, contrast, gamma }) {
  const table = new Uint8ClampedArray(256);
  for (let v = 0; v < 256; v++) {
    const lifted = (v / 255 - 0.5) * contrast + 0.5 + brightness;
    table[v] = 255 * Math.pow(Math.max(0, Math.min(1, lifted)), 1 / gamma);
  }
  return table;
}

/** The picture as it is to be seen: tones or red/blue ratio, and 45 % bright outside `valid`. */
function develop(source, valid, settings, out) {
  const table = toneTable(settings);
  for (let i = 0, k = 0; i < valid.length; i++, k += 4) {
    const light = valid[i] ? 1 : 0.45;
    const [r, b] = [source[k], source[k + 2]];
    const ratio = r + b ? Math.round(127.5 + (127.5 * (r - b)) / (r + b) * 1.6) : 128;
    const grey = table[Math.max(0, Math.min(255, ratio))];
    out[k] = light * (settings.ratio ? grey : table[r]);
    out[k + 1] = light * (settings.ratio ? grey : table[source[k + 1]]);
    out[k + 2] = light * (settings.ratio ? grey : table[b]);
    out[k + 3] = 255;
  }
}

function blankCanvas(width, height) {
  return Object.assign(document.createElement("canvas"), { width, height });
}

function hatchPattern(context, ratio) {
  const tile = blankCanvas(8 * ratio, 8 * ratio);
  const pen = tile.getContext("2d");
  pen.scale(ratio, ratio);
  pen.globalAlpha = 0.35;
  pen.fillStyle = HATCH;
  pen.fillRect(0, 0, 8, 8);
  pen.globalAlpha = 1;
  pen.strokeStyle = "#B9C0C7";
  pen.lineWidth = 1.6;
  for (const shift of [-8, 0, 8]) {
    pen.beginPath();
    pen.moveTo(shift - 1, 9);
    pen.lineTo(shift + 9, -1);
    pen.stroke();
  }
  return context.createPattern(tile, "repeat");
}

/** Draws one label over one picture. `layers` are the three canvases; sizes in CSS px, `ratio` device px to one. */
class Stage {
  constructor(layers, settings) {
    this.layers = layers;
    this.settings = settings;
    this.view = { scale: 1, x: 0, y: 0 };
    this.size = { width: 0, height: 0, ratio: 1 };
    this.tiles = new Map();
    this.wanted = new Set();
    this.label = null;
    this.fitted = true;
  }

  open(data, label) {
    this.data = data;
    this.label = label;
    this.source = null;
    this.smoothed = null;
    this.picture = blankCanvas(label.width, label.height);
    this.tint = blankCanvas(label.width, label.height);
    this.hatch = blankCanvas(label.width, label.height);
    this.horizon = null;
    label.unseen = { x0: 0, y0: 0, x1: label.width - 1, y1: label.height - 1 };
    this.fit();
  }

  setPicture(image) {
    const pen = this.picture.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0, this.label.width, this.label.height);
    this.source = pen.getImageData(0, 0, this.label.width, this.label.height).data;
    this.develop();
  }

  develop() {
    if (!this.source) return;
    const developed = new ImageData(this.label.width, this.label.height);
    develop(this.source, this.label.valid, this.settings, developed.data);
    this.picture.getContext("2d").putImageData(developed, 0, 0);
    this.want("picture");
  }

  get comparable() {
    this.smoothed ??= smooth(this.source, this.label.height, this.label.width);
    return this.smoothed;
  }

  resize(width, height, ratio) {
    this.size = { width, height, ratio };
    for (const canvas of Object.values(this.layers)) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
    }
    if (this.fitted) this.fit();
    this.want("picture", "label", "guides");
  }

  fit() {
    if (!this.label || !this.size.width) return;
    const { width, height } = this.size;
    const scale = Math.min((width - 24) / this.label.width, (height - 20) / this.label.height);
    this.view = { scale, x: (width - this.label.width * scale) / 2, y: (height - this.label.height * scale) / 2 };
    this.fitted = true;
    this.want("picture", "label", "guides");
  }

  /** Zooms by `factor` and keeps the image point under (x, y) where it is. */
  zoom(factor, x, y) {
    const scale = Math.max(0.05, Math.min(64, this.view.scale * factor));
    const change = scale / this.view.scale;
    this.moveTo(scale, x - (x - this.view.x) * change, y - (y - this.view.y) * change);
  }

  pan(dx, dy) {
    this.moveTo(this.view.scale, this.view.x + dx, this.view.y + dy);
  }

  moveTo(scale, x, y) {
    const keep = 40; // px of the picture that always stay in sight
    const clamp = (value, length, room) => Math.max(keep - length * scale, Math.min(room - keep, value));
    const [w, h] = [this.label.width, this.label.height];
    this.view = { scale, x: clamp(x, w, this.size.width), y: clamp(y, h, this.size.height) };
    this.fitted = false;
    this.want("picture", "label", "guides");
  }

  toImage(x, y) {
    return { x: (x - this.view.x) / this.view.scale, y: (y - this.view.y) / this.view.scale };
  }

  want(...layers) {
    if (!this.wanted.size) requestAnimationFrame(() => this.draw());
    layers.forEach((layer) => this.wanted.add(layer));
  }

  draw() {
    const wanted = this.wanted;
    this.wanted = new Set();
    if (!this.label || !this.size.width) return;
    if (wanted.has("picture")) this.drawPicture();
    if (wanted.has("label")) this.drawLabel();
    else if (wanted.has("stroke")) this.drawStroke();
    if (wanted.has("guides")) this.drawGuides();
  }

  /** A cleared layer whose coordinates are those of the image; `box` limits it to a few pixels of the image. */
  pen(layer, box = null) {
    const pen = this.layers[layer].getContext("2d");
    const { ratio } = this.size;
    const { scale, x, y } = this.view;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    if (!box) pen.clearRect(0, 0, this.layers[layer].width, this.layers[layer].height);
    pen.setTransform(scale * ratio, 0, 0, scale * ratio, x * ratio, y * ratio);
    pen.imageSmoothingEnabled = scale < 3;
    return pen;
  }

  drawPicture() {
    const pen = this.pen("picture");
    if (this.source) pen.drawImage(this.picture, 0, 0);
  }

  /** Brings tint, hatch and outline tiles up to date where the label changed; gives the box of what changed. */
  refresh() {
    this.label.touch();
    const { x0, y0, x1, y1 } = this.label.unseen;
    this.label.unseen = emptyBox();
    if (x1 < x0) return null;
    const [w, h] = [x1 - x0 + 1, y1 - y0 + 1];
    const [tint, hatch] = [new ImageData(w, h), new ImageData(w, h)];
    const [tints, hatches] = [new Uint32Array(tint.data.buffer), new Uint32Array(hatch.data.buffer)];
    const ink = this.ink;
    for (let y = 0, k = 0; y < h; y++) {
      for (let x = 0, i = (y0 + y) * this.label.width + x0; x < w; x++, k++, i++) {
        if (this.label.pixels[i] === CLOUD) tints[k] = ink;
        if (this.label.pixels[i] === UNDEFINED) hatches[k] = 0xff000000;
      }
    }
    this.tint.getContext("2d").putImageData(tint, x0, y0);
    this.hatch.getContext("2d").putImageData(hatch, x0, y0);
    const first = (v) => Math.max(0, Math.floor((v - 1) / TILE));
    const last = (v) => Math.floor((v + 1) / TILE);
    for (let v = first(y0); v <= last(y1); v++) for (let u = first(x0); u <= last(x1); u++) this.tiles.delete(`${u},${v}`);
    return { x0, y0, x1, y1 };
  }

  set colour(hex) {
    this.hex = hex;
    const [r, g, b] = [1, 3, 5].map((k) => parseInt(hex.slice(k, k + 2), 16));
    this.ink = ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
  }

  drawLabel() {
    this.refresh();
    this.drawPaint(this.pen("label"), { x0: 0, y0: 0, x1: this.label.width - 1, y1: this.label.height - 1 });
  }

  /** Draws the label anew only where it changed: while a stroke is drawn this is most of the work. */
  drawStroke() {
    const changed = this.refresh();
    if (!changed) return;
    const margin = 2 + Math.ceil(2 / this.view.scale);
    const box = { x0: changed.x0 - margin, y0: changed.y0 - margin, x1: changed.x1 + margin, y1: changed.y1 + margin };
    const pen = this.pen("label", box);
    const [w, h] = [box.x1 - box.x0 + 1, box.y1 - box.y0 + 1];
    pen.save();
    pen.beginPath();
    pen.rect(box.x0, box.y0, w, h);
    pen.clip();
    pen.clearRect(box.x0, box.y0, w, h);
    this.drawPaint(pen, box);
    pen.restore();
  }

  drawPaint(pen, box) {
    if (this.settings.hidden) return;
    if (this.label.counts[UNDEFINED]) this.drawHatch(pen);
    pen.globalAlpha = this.settings.opacity;
    pen.drawImage(this.tint, 0, 0);
    pen.globalAlpha = 1;
    if (this.settings.contour) this.drawOutline(pen, box);
  }

  drawHatch(pen) {
    pen.drawImage(this.hatch, 0, 0);
    pen.save();
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.globalCompositeOperation = "source-in"; // the label layer holds only the hatched pixels as yet
    pen.fillStyle = hatchPattern(pen, this.size.ratio);
    pen.fillRect(0, 0, this.layers.label.width, this.layers.label.height);
    pen.restore();
  }

  drawOutline(pen, box) {
    const exact = this.view.scale >= 4;
    if (exact !== this.exact) this.tiles.clear();
    this.exact = exact;
    const { height, width, pixels } = this.label;
    const [from, to] = [this.toImage(0, 0), this.toImage(this.size.width, this.size.height)];
    const tile = (v, length) => Math.floor(Math.max(0, Math.min(length - 1, v)) / TILE);
    const [u0, v0] = [tile(Math.max(from.x, box.x0), width), tile(Math.max(from.y, box.y0), height)];
    const [u1, v1] = [tile(Math.min(to.x, box.x1), width), tile(Math.min(to.y, box.y1), height)];
    pen.strokeStyle = this.hex;
    pen.lineWidth = 1.5 / this.view.scale;
    pen.lineCap = "round";
    for (let v = v0; v <= v1; v++) {
      for (let u = u0; u <= u1; u++) {
        const name = `${u},${v}`;
        if (!this.tiles.has(name)) {
          this.tiles.set(name, outline((i) => pixels[i] === CLOUD, height, width, u * TILE, v * TILE, exact));
        }
        pen.stroke(this.tiles.get(name));
      }
    }
  }

  drawGuides() {
    const pen = this.pen("guides");
    const dome = this.data.dome;
    if (this.settings.horizon && this.data.horizon) this.drawHorizon(pen);
    if (!dome) return;
    const casing = (width, dash) => {
      pen.setLineDash(dash.map((v) => v / this.view.scale));
      for (const [colour, extra] of [["rgba(0,0,0,.55)", 1.6], ["rgba(255,255,255,.92)", 0]]) {
        pen.strokeStyle = colour;
        pen.lineWidth = (width + extra) / this.view.scale;
        pen.stroke();
      }
      pen.setLineDash([]);
    };
    const circle = (radius) => {
      pen.beginPath();
      pen.arc(dome.x + 0.5, dome.y + 0.5, radius, 0, 2 * Math.PI);
    };
    if (this.settings.dome) {
      circle(dome.radius);
      casing(1.1, []);
    }
    if (this.settings.rings) {
      for (const altitude of RINGS) {
        circle((dome.radius * (90 - altitude)) / 90); // equidistant: the radius is proportional to the zenith distance
        casing(1, [2, 3]);
      }
      RINGS.forEach((altitude) => this.drawAltitude(pen, altitude));
    }
    if (this.data.edit === "dome") this.drawHandles(pen);
  }

  drawAltitude(pen, altitude) {
    const { x, y, radius } = this.data.dome;
    const [left, top] = [x + 0.5, y + 0.5 - (radius * (90 - altitude)) / 90];
    pen.save();
    const { ratio } = this.size;
    pen.setTransform(ratio, 0, 0, ratio, (left * this.view.scale + this.view.x) * ratio, (top * this.view.scale + this.view.y) * ratio);
    pen.font = '600 12px "Source Sans", sans-serif';
    pen.textAlign = "center";
    pen.lineWidth = 3;
    pen.lineJoin = "round";
    pen.strokeStyle = "rgba(0,0,0,.8)";
    pen.fillStyle = "#fff";
    pen.strokeText(`${altitude}°`, 12, -6);
    pen.fillText(`${altitude}°`, 12, -6);
    pen.restore();
  }

  drawHorizon(pen) {
    this.horizon ??= this.horizonPaths();
    pen.lineWidth = 1.2 / this.view.scale;
    pen.strokeStyle = "rgba(255,255,255,.75)";
    pen.setLineDash([5 / this.view.scale, 3 / this.view.scale]);
    this.horizon.forEach((path) => pen.stroke(path));
    pen.setLineDash([]);
  }

  horizonPaths() {
    const { height, width } = this.label;
    const never = decodeRuns(this.data.horizon, new Uint8Array(height * width), height, width, 1);
    const paths = [];
    for (let y = 0; y < height; y += TILE) {
      for (let x = 0; x < width; x += TILE) paths.push(outline((i) => never[i], height, width, x, y, false));
    }
    return paths;
  }

  drawHandles(pen) {
    for (const [x, y] of handlesOf(this.data.dome)) {
      pen.beginPath();
      pen.arc(x, y, 6 / this.view.scale, 0, 2 * Math.PI);
      pen.fillStyle = "#fff";
      pen.strokeStyle = "#000";
      pen.lineWidth = 1.5 / this.view.scale;
      pen.fill();
      pen.stroke();
    }
  }
}

/** Where the dome is taken hold of: its centre and the right end of its rim. */
function handlesOf(dome) {
  return [[dome.x + 0.5, dome.y + 0.5], [dome.x + 0.5 + dome.radius, dome.y + 0.5]];
}
