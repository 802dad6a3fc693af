// Pure functions on typed arrays: levels -> runs -> mask, and the mask's checksum and run lengths.
// level[p] counts the thresholds below p's probability, so "probability > thresholds[k]" is exactly "level[p] > k".
// Outside the valid area the level is 0, so nothing there is cloud or joins a component.

const KEPT_LEVELS = 24;

class Field {
  constructor(level, width, height) {
    this.level = level;
    this.width = width;
    this.height = height;
    this.known = new Map();
    this.begin = new Int32Array(4096);
    this.end = new Int32Array(4096);
    this.parent = new Int32Array(4096);
  }

  // Runs above threshold number k with the area of the 8-connected component each belongs to.
  runs(k) {
    const known = this.known.get(k);
    if (known) return known;
    const found = this.label(k);
    if (this.known.size >= KEPT_LEVELS) this.known.delete(this.known.keys().next().value);
    this.known.set(k, found);
    return found;
  }

  grow() {
    for (const name of ["begin", "end", "parent"]) {
      const larger = new Int32Array(this[name].length * 2);
      larger.set(this[name]);
      this[name] = larger;
    }
  }

  label(k) {
    const { level, width, height } = this;
    let count = 0, above = 0;
    for (let y = 0; y < height; y++) {
      const first = count, stop = (y + 1) * width;
      let p = y * width, before = above;
      while (p < stop) {
        while (p < stop && level[p] <= k) p++;
        if (p === stop) break;
        const start = p;
        while (p < stop && level[p] > k) p++;
        if (count === this.begin.length) this.grow();
        this.begin[count] = start;
        this.end[count] = p;
        this.parent[count] = count;
        // Runs of the row above that touch this one, corners included.
        while (before < first && this.end[before] + width < start) before++;
        for (let at = before; at < first && this.begin[at] + width <= p; at++) this.join(at, count);
        count++;
      }
      above = first;
    }
    return this.measured(count);
  }

  root(at) {
    const parent = this.parent;
    while (parent[at] !== at) at = parent[at] = parent[parent[at]];
    return at;
  }

  join(a, b) {
    const one = this.root(a), other = this.root(b);
    if (one < other) this.parent[other] = one;
    else this.parent[one] = other;
  }

  measured(count) {
    const begin = this.begin.slice(0, count), end = this.end.slice(0, count);
    const area = new Int32Array(count), parent = this.parent;
    for (let at = 0; at < count; at++) {
      parent[at] = parent[parent[at]]; // a parent stands before its child, so one pass flattens
      area[parent[at]] += end[at] - begin[at];
    }
    for (let at = count - 1; at >= 0; at--) area[at] = area[parent[at]];
    return { begin, end, area };
  }

  // The mask at threshold number k without components of minSize px or less, 0/1 into out.
  mask(k, minSize, out) {
    const { begin, end, area } = this.runs(k);
    out.fill(0);
    for (let at = 0; at < begin.length; at++) if (area[at] > minSize) out.fill(1, begin[at], end[at]);
    return out;
  }
}

// FNV-1a over the mask's bytes, eight hexadecimal digits: two masks can be compared without sending them.
function checksum(mask) {
  let hash = 0x811c9dc5;
  for (let at = 0; at < mask.length; at++) hash = Math.imul(hash ^ mask[at], 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

// Run lengths in the Kaggle dialect: "start length ...", 1-based, column-major.
function runLengths(mask, width, height) {
  const parts = [];
  let start = -1, place = 0;
  for (let x = 0; x < width; x++)
    for (let y = 0; y < height; y++, place++) {
      const on = mask[y * width + x];
      if (on && start < 0) start = place;
      else if (!on && start >= 0) { parts.push(start + 1, place - start); start = -1; }
    }
  if (start >= 0) parts.push(start + 1, place - start);
  return parts.join(" ");
}

// The bytes behind base64 of a zlib stream.
async function inflate(text) {
  const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// What the two halves of a lens share: where the sliders stand, and who wants to know.
function linkOf(name) {
  const links = (globalThis.cloudcoreLens ??= new Map());
  if (!links.has(name)) links.set(name, { k: null, minSize: 0, listeners: new Set() });
  return links.get(name);
}
