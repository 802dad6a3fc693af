/* The label as the canvas holds it: one byte a pixel, with run lengths, brush, fill and undo. Nothing is drawn here. */
const SKY = 0;
const CLOUD = 1;
const UNDEFINED = 2;
const UNDO_DEPTH = 400;

/** Column-major "start length ..." text, starts from 1, of the pixels that hold `value`. */
function encodeRuns(pixels, height, width, value) {
  const runs = [];
  let start = -1;
  let at = 0;
  for (let column = 0; column < width; column++) {
    for (let row = 0, i = column; row < height; row++, i += width, at++) {
      const inside = pixels[i] === value;
      if (inside && start < 0) start = at;
      if (!inside && start >= 0) {
        runs.push(start + 1, at - start);
        start = -1;
      }
    }
  }
  if (start >= 0) runs.push(start + 1, at - start);
  return runs.join(" ");
}

/** Writes `value` into `pixels` (row-major) wherever the column-major run-length text says so. */
function decodeRuns(text, pixels, height, width, value) {
  const numbers = text ? text.split(" ").map(Number) : [];
  for (let k = 0; k < numbers.length; k += 2) {
    for (let at = numbers[k] - 1, end = at + numbers[k + 1]; at < end; at++) {
      pixels[(at % height) * width + Math.floor(at / height)] = value;
    }
  }
  return pixels;
}

function emptyBox() {
  return { x0: Infinity, y0: Infinity, x1: -1, y1: -1 };
}

function joinBoxes(a, b) {
  return { x0: Math.min(a.x0, b.x0), y0: Math.min(a.y0, b.y0), x1: Math.max(a.x1, b.x1), y1: Math.max(a.y1, b.y1) };
}

/** A label of sky, cloud and undefined. Pixels outside `valid` never change. */
class Label {
  constructor(height, width, valid) {
    this.height = height;
    this.width = width;
    this.valid = valid;
    this.pixels = new Uint8Array(height * width);
    this.committed = new Uint8Array(height * width); // as it stood after the last finished stroke
    this.counts = [0, 0, 0];
    this.undos = [];
    this.redos = [];
    this.strokes = 0;
    this.rev = 0;
    this.laid = 0;
    this.dirty = emptyBox();
    this.stroke = emptyBox(); // changed since the last finished stroke
    this.unseen = emptyBox(); // changed since the picture of the label was last brought up to date
    for (let i = 0; i < valid.length; i++) this.counts[SKY] += valid[i];
  }

  get cloudFraction() {
    const defined = this.counts[SKY] + this.counts[CLOUD];
    return defined ? this.counts[CLOUD] / defined : NaN;
  }

  /** Starts the label from two run-length texts, without an undo step. */
  load(cloud, undefinedRuns) {
    this.replace(cloud, undefinedRuns);
    this.committed.set(this.pixels);
    this.settle();
  }

  /** Every pixel anew from two run-length texts; `commit` makes it one undo step. */
  replace(cloud, undefinedRuns) {
    const wanted = decodeRuns(cloud, new Uint8Array(this.pixels.length), this.height, this.width, CLOUD);
    decodeRuns(undefinedRuns, wanted, this.height, this.width, UNDEFINED);
    for (let y = 0, i = 0; y < this.height; y++) for (let x = 0; x < this.width; x++, i++) this.set(x, y, wanted[i]);
  }

  set(x, y, value) {
    const i = y * this.width + x;
    if (!this.valid[i] || this.pixels[i] === value) return;
    this.counts[this.pixels[i]]--;
    this.counts[value]++;
    this.pixels[i] = value;
    const box = this.dirty;
    if (x < box.x0) box.x0 = x;
    if (x > box.x1) box.x1 = x;
    if (y < box.y0) box.y0 = y;
    if (y > box.y1) box.y1 = y;
  }

  /** Paints all pixels within half a `size` of the segment from `a` to `b` (image coordinates). */
  line(a, b, size, value) {
    const from = snap(a, size);
    const to = snap(b, size);
    const radius = size / 2;
    const [dx, dy] = [to.x - from.x, to.y - from.y];
    const length2 = dx * dx + dy * dy;
    const y1 = Math.min(this.height - 1, Math.ceil(Math.max(from.y, to.y) + radius));
    const x1 = Math.min(this.width - 1, Math.ceil(Math.max(from.x, to.x) + radius));
    for (let y = Math.max(0, Math.floor(Math.min(from.y, to.y) - radius)); y <= y1; y++) {
      for (let x = Math.max(0, Math.floor(Math.min(from.x, to.x) - radius)); x <= x1; x++) {
        const [px, py] = [x + 0.5 - from.x, y + 0.5 - from.y];
        const t = length2 ? Math.max(0, Math.min(1, (px * dx + py * dy) / length2)) : 0;
        const [ex, ey] = [px - t * dx, py - t * dy];
        if (ex * ex + ey * ey <= radius * radius) this.set(x, y, value);
      }
    }
  }

  /** Fills what is joined to (x, y) by sides and as bright in every channel as it, within `tolerance`.
   *  With `keepPaint` only pixels that hold what (x, y) holds are filled. */
  fill(x, y, rgba, tolerance, value, keepPaint) {
    const { width, height, pixels, valid } = this;
    const seed = y * width + x;
    if (!valid[seed]) return;
    const [r, g, b] = [rgba[4 * seed], rgba[4 * seed + 1], rgba[4 * seed + 2]];
    const held = pixels[seed];
    const seen = new Uint8Array(pixels.length);
    const stack = [seed];
    seen[seed] = 1;
    const visit = (i) => {
      if (seen[i] || !valid[i] || (keepPaint && pixels[i] !== held)) return;
      if (Math.abs(rgba[4 * i] - r) > tolerance || Math.abs(rgba[4 * i + 1] - g) > tolerance) return;
      if (Math.abs(rgba[4 * i + 2] - b) > tolerance) return;
      seen[i] = 1;
      stack.push(i);
    };
    while (stack.length) {
      const i = stack.pop();
      const column = i % width;
      if (column > 0) visit(i - 1);
      if (column < width - 1) visit(i + 1);
      if (i >= width) visit(i - width);
      if (i < width * (height - 1)) visit(i + width);
    }
    for (let i = 0; i < seen.length; i++) if (seen[i]) this.set(i % width, Math.floor(i / width), value);
  }

  /** Ends a stroke: keeps only what changed, as runs of (start, length, before, after). False when nothing did. */
  commit() {
    const box = this.settle();
    const runs = [];
    for (let y = box.y0; y <= box.y1; y++) {
      let open = -1;
      for (let i = y * this.width + box.x0, end = y * this.width + box.x1; i <= end; i++) {
        const [before, after] = [this.committed[i], this.pixels[i]];
        if (before === after) {
          open = -1;
        } else if (open >= 0 && runs[open + 2] === before && runs[open + 3] === after) {
          runs[open + 1]++;
        } else {
          open = runs.push(i, 1, before, after) - 4;
        }
        this.committed[i] = after;
      }
    }
    if (!runs.length) return false;
    this.undos.push(Uint32Array.from(runs));
    if (this.undos.length > UNDO_DEPTH) this.undos.shift();
    this.redos = [];
    this.strokes++;
    this.rev++;
    return true;
  }

  /** Takes back an unfinished stroke. */
  cancel() {
    const box = this.settle();
    for (let y = box.y0; y <= box.y1; y++) {
      for (let x = box.x0; x <= box.x1; x++) this.set(x, y, this.committed[y * this.width + x]);
    }
    this.settle();
  }

  undo() {
    return this.step(this.undos, this.redos, 2, -1);
  }

  redo() {
    return this.step(this.redos, this.undos, 3, 1);
  }

  step(from, to, side, count) {
    const runs = from.pop();
    if (!runs) return false;
    for (let k = 0; k < runs.length; k += 4) {
      for (let i = runs[k], end = i + runs[k + 1]; i < end; i++) {
        this.set(i % this.width, Math.floor(i / this.width), runs[k + side]);
        this.committed[i] = runs[k + side];
      }
    }
    to.push(runs);
    this.settle();
    this.strokes += count;
    this.rev++;
    return true;
  }

  /** Hands what changed over to the stroke and to the picture of the label. */
  touch() {
    this.unseen = joinBoxes(this.unseen, this.dirty);
    this.stroke = joinBoxes(this.stroke, this.dirty);
    this.dirty = emptyBox();
  }

  /** Closes the stroke; gives the box of what it changed. */
  settle() {
    this.touch();
    const box = this.stroke;
    this.stroke = emptyBox();
    return box;
  }

  message(doc) {
    const runs = (value) => encodeRuns(this.pixels, this.height, this.width, value);
    return { doc, rev: this.rev, strokes: this.strokes, cloud: runs(CLOUD), undefined: runs(UNDEFINED) };
  }
}

/** Odd sizes centre on a pixel, even ones on a corner, so that a disc of n px is n px wide. */
function snap(point, size) {
  if (size % 2) return { x: Math.floor(point.x) + 0.5, y: Math.floor(point.y) + 0.5 };
  return { x: Math.round(point.x), y: Math.round(point.y) };
}

/** Oktas of a cloud fraction: 0 at exactly 0, 8 at exactly 1, between them never 0 or 8. */
function okta(fraction) {
  if (Number.isNaN(fraction)) return null;
  if (fraction === 0 || fraction === 1) return fraction * 8;
  return Math.min(7, Math.max(1, Math.floor(8 * fraction + 0.5)));
}

/** 3x3 box means of an RGBA picture: the fill compares these, so that noise leaves no holes. */
function smooth(rgba, height, width) {
  const out = new Uint8ClampedArray(rgba.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let [r, g, b, n] = [0, 0, 0, 0];
      for (let v = Math.max(0, y - 1); v <= Math.min(height - 1, y + 1); v++) {
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++, n++) {
          const i = 4 * (v * width + u);
          r += rgba[i];
          g += rgba[i + 1];
          b += rgba[i + 2];
        }
      }
      out.set([r / n, g / n, b / n, 255], 4 * (y * width + x));
    }
  }
  return out;
}
