// The sliders of a lens and the scores under them. They act at every animation frame; Python hears of them on release.

const sets = new WeakMap();

class Controls {
  constructor(root) {
    this.box = root.querySelector(".controls");
    this.inputs = { threshold: root.querySelector("#threshold"), min_size: root.querySelector("#min_size") };
    this.wanted = 0;
    for (const input of Object.values(this.inputs)) {
      input.addEventListener("input", () => this.request());
      input.addEventListener("change", () => this.release());
    }
    for (const button of root.querySelectorAll(".modes button")) {
      button.addEventListener("click", () => this.choose(button.dataset.mode));
      button.addEventListener("keydown", (event) => this.step(event, button));
    }
  }

  find(name) { return this.box.querySelector(`[data-score=${name}]`); }

  load(component) {
    const data = component.data;
    this.tellPython = (value) => component.setStateValue("value", value);
    this.data = data;
    this.link = linkOf(data.link);
    this.link.mode ??= "errors";
    this.box.dataset.stage = data.stage;
    this.inputs.threshold.max = data.thresholds.length - 1;
    this.inputs.min_size.max = data.min_sizes.length - 1;
    if (this.order !== data.order) {
      this.order = data.order;
      this.inputs.threshold.value = data.at[0];
      this.inputs.min_size.value = data.at[1];
    }
    this.mark("threshold", 0);
    this.mark("min_size", 1);
    this.choose(this.link.mode);
    this.show();
  }

  // The small ring under a slider where Dice is best.
  mark(name, index) {
    const ring = this.inputs[name].parentElement.querySelector(".best"), best = this.data.best;
    const part = best ? best[index] / Math.max(1, this.inputs[name].max) : 0;
    ring.style.display = best ? "block" : "none";
    ring.style.left = `calc(7px + (100% - 14px) * ${part})`;
  }

  choose(mode) {
    this.link.mode = mode;
    for (const button of this.box.querySelectorAll(".modes button")) {
      const on = button.dataset.mode === mode;
      button.setAttribute("aria-checked", on);
      button.tabIndex = on ? 0 : -1;
    }
    for (const heard of this.link.listeners) heard();
  }

  step(event, button) {
    const move = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!move) return;
    event.preventDefault();
    const all = [...this.box.querySelectorAll(".modes button")], next = all[(all.indexOf(button) + move + all.length) % all.length];
    next.focus();
    this.choose(next.dataset.mode);
  }

  request() {
    if (!this.wanted) this.wanted = requestAnimationFrame(() => { this.wanted = 0; this.show(); });
  }

  // A pointer lets go once; a held arrow key would let go at every repeat, so a short rest is waited for.
  release() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      const { k, m } = this.here();
      const { thresholds, min_sizes, order } = this.data;
      this.tellPython({ threshold: thresholds[k], min_size: min_sizes[m], order });
    }, 120);
  }

  here() { return { k: Number(this.inputs.threshold.value), m: Number(this.inputs.min_size.value) }; }

  dice(table, k, m) { return table[k * this.data.min_sizes.length + m] / 1e6; }

  show() {
    const { k, m } = this.here(), { data, link } = this;
    link.k = k;
    link.minSize = data.min_sizes[m];
    for (const heard of link.listeners) heard();
    this.write("threshold", data.thresholds[k].toFixed(2), "");
    this.write("min_size", data.min_sizes[m].toLocaleString("en"), " px");
    const dice = this.dice(data.table, k, m), before = this.dice(data.table, ...data.usual);
    this.box.querySelector("[data-title=smallest]").textContent = data.names.smallest;
    this.box.querySelector("[data-title=dice]").textContent = data.names.dice;
    this.find("dice").textContent = dice.toFixed(3);
    this.find("iou").textContent = data.names.iou ? (dice / (2 - dice)).toFixed(3) : "–";
    this.compare(dice - before);
    this.find("set-title").textContent = data.set_table ? `${data.names.set} ` : "";
    this.find("set").textContent = data.set_table ? this.dice(data.set_table, k, m).toFixed(3) : "";
    this.box.dataset.dice = dice.toFixed(4);
  }

  write(name, words, unit) {
    const input = this.inputs[name];
    this.box.querySelector(`[data-value=${name}]`).textContent = words;
    input.setAttribute("aria-valuetext", words + unit);
    input.style.setProperty("--part", `calc(7px + (100% - 14px) * ${input.value / Math.max(1, input.max)})`);
  }

  compare(change) {
    const [k, m] = this.data.usual, size = this.data.min_sizes[m];
    const arrow = change > 0.0005 ? "↑ +" : change < -0.0005 ? "↓ −" : "";
    this.find("delta").textContent = `${arrow}${Math.abs(change).toFixed(3)}`;
    this.find("against").textContent = `against ${this.data.thresholds[k].toFixed(2)}${size ? `, ${size.toLocaleString("en")} px` : ""}`;
  }
}

export default function (component) {
  const { parentElement } = component;
  if (!sets.has(parentElement)) sets.set(parentElement, new Controls(parentElement));
  const controls = sets.get(parentElement);
  controls.load(component);
  return () => { clearTimeout(controls.resting); sets.delete(parentElement); };
}
