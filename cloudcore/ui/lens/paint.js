// Pixels of the lens's panels. A tint of the whole frame is made once; a slider step only chooses between tints.

const VALID = 0, OUTSIDE = 1, HOLE = 2; // zones, as in render.py
const INK = {
  day: [0xff, 0xc2, 0x1f], night: [0x3b, 0xd6, 0xf0], hit: [0xc9, 0xd3, 0xda], wrong: [0xff, 0x5a, 0x36],
  missed: [0x4c, 0x9d, 0xff], undefined: [0x80, 0x88, 0x90],
};

const word = (r, g, b) => (255 << 24) | (b << 16) | (g << 8) | r; // little-endian RGBA

function stripe(x, y, period) {
  return (x + y) % period < (period + 1) >> 1;
}

// rgba: the frame's pixels; code: truth in bit 0, zone above it. Each tint is one word a pixel.
class Tints {
  constructor(rgba, code, width, height, night, own) {
    this.width = width;
    this.height = height;
    this.code = code;
    const count = width * height, period = Math.max(4, Math.round(Math.max(width, height) / 80));
    for (const name of ["base", "cloud", "rim", "quiet", "hit", "wrong", "missed"]) this[name] = new Int32Array(count);
    const ink = own ?? (night ? INK.night : INK.day);
    this.line = word(...ink);
    this.inside = 0;
    for (let p = 0, q = 0; p < count; p++, q += 4) {
      const r = rgba[q], g = rgba[q + 1], b = rgba[q + 2], zone = code[p] >> 1;
      const on = stripe(p % width, (p / width) | 0, period);
      this.base[p] = word(r, g, b);
      this.cloud[p] = mix(r, g, b, ink, 0.34);
      this.rim[p] = mix(r, g, b, ink, 0.5);
      const luma = 0.299 * r + 0.587 * g + 0.114 * b;
      const grey = luma * (zone === OUTSIDE ? 0.45 : 0.62);
      this.quiet[p] = zone === HOLE && on ? mix(grey, grey, grey, INK.undefined, 0.6) : mix(grey, grey, grey, INK.hit, 0);
      this.hit[p] = mix(grey, grey, grey, INK.hit, 0.3);
      this.wrong[p] = mix(grey, grey, grey, INK.wrong, 0.82);
      this.missed[p] = mix(grey, grey, grey, INK.missed, on ? 0.82 : 0.42);
      if (zone === VALID) this.inside++;
    }
    this.truth = Uint8Array.from(code, (value) => value & 1);
  }

  // The frame, tinted and outlined where mask is 1; reach: the line's width inside the cloud, px of the frame.
  outlined(mask, reach, out) {
    const { width, height, base, cloud, rim, line } = this;
    for (let y = 0, p = 0; y < height; y++) {
      const up = y >= reach ? -reach * width : 0, down = y + reach < height ? reach * width : 0;
      const above = y > 0 ? -width : 0, below = y + 1 < height ? width : 0;
      for (let x = 0; x < width; x++, p++) {
        if (mask[p]) {
          const left = x >= reach ? -reach : 0, right = x + reach < width ? reach : 0;
          const deep = mask[p + up] & mask[p + down] & mask[p + left] & mask[p + right];
          out[p] = deep ? cloud[p] : line;
        } else {
          const near = mask[p + above] | mask[p + below] | mask[x > 0 ? p - 1 : p] | mask[x + 1 < width ? p + 1 : p];
          out[p] = near ? rim[p] : base[p];
        }
      }
    }
  }

  // The grey frame with hit, false and missed cloud; returns how many pixels of each.
  errors(mask, out) {
    const { code, quiet, hit, wrong, missed } = this;
    const counts = { hit: 0, wrong: 0, missed: 0 };
    for (let p = 0; p < mask.length; p++) {
      if (mask[p]) {
        if (code[p] & 1) { out[p] = hit[p]; counts.hit++; } else { out[p] = wrong[p]; counts.wrong++; }
      } else if (code[p] & 1) { out[p] = missed[p]; counts.missed++; } else out[p] = quiet[p];
    }
    return counts;
  }
}

function mix(r, g, b, ink, alpha) {
  const rest = 1 - alpha;
  return word((r * rest + ink[0] * alpha + 0.5) | 0, (g * rest + ink[1] * alpha + 0.5) | 0, (b * rest + ink[2] * alpha + 0.5) | 0);
}
