// The frame map: up to 256 by 128 cells of 2^shift frames, drawn on a canvas.
//
//   traits    cells, one byte each: bits 0 to 6 the use, bit 7 set where uses are mixed
//             first, shift, columns, bits: which frames they are      frame_count
//             spans [first, end, owner, tags]       looks [letter, word, color, pattern, ink]
//             label: the text form                  answer: what Python said of the chosen frame
//   messages  from Python {kind: "patch", start} with the cells that changed
//             to Python   {kind: "window", first, bits}, {kind: "choose", frame}
//
// Keys: arrows, Home, End, PageUp, PageDown move; + and - zoom, 0 shows all; Enter asks Python.
// Nothing moves by itself, and nothing is loaded from anywhere.

const WIDTH = 768;
const HEIGHT = 384;
const FULL_BITS = 15;
const CLOSEST_BITS = 9;
const ZOOM = 2; // bits: four times as close
const MIXED = 0x80;
const PAGE = 4096;
const TILE = 8;
const LETTER_FROM = 11; // pixels of a cell that can hold its letter
const SVG = "http://www.w3.org/2000/svg";
const MONO = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
const QUIET = "#777777";
const FOCUSED = "#0072B2";
const TEXT = "var(--jp-ui-font-color1, #222)";

function bytesOf(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function element(tag, attributes = {}, style = {}, text = "") {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  Object.assign(made.style, style);
  if (text) made.textContent = text;
  return made;
}

function hex(number) {
  return `0x${number.toString(16)}`;
}

// a square with the colour, pattern and letter of a use, for the legend
function swatch([letter, , color, pattern, ink]) {
  const box = document.createElementNS(SVG, "svg");
  for (const [name, value] of [["width", 22], ["height", 16], ["aria-hidden", "true"]]) {
    box.setAttribute(name, value);
  }
  const dark = parseInt(color.slice(1, 3), 16) + parseInt(color.slice(3, 5), 16) < 90;
  const parts = [["rect", { width: 22, height: 16, fill: color, stroke: "#333333" }]];
  for (const x of [0, 8, 16]) {
    for (const y of [0, 8]) {
      parts.push(["path", { d: pattern, stroke: ink, transform: `translate(${x} ${y})` }]);
    }
  }
  parts.push(["rect", { x: 6, y: 2, width: 10, height: 12, fill: dark ? "#000000" : "#FFFFFF" }]);
  for (const [tag, attributes] of parts) {
    if (tag === "path" && !pattern) continue;
    const part = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) part.setAttribute(name, value);
    box.append(part);
  }
  const text = document.createElementNS(SVG, "text");
  for (const [name, value] of Object.entries({
    x: 11, y: 12, "text-anchor": "middle", "font-size": 11, "font-family": "monospace",
    fill: dark ? "#FFFFFF" : "#111111",
  })) text.setAttribute(name, value);
  text.textContent = letter;
  box.append(text);
  return box;
}

function render({ model, el }) {
  const ratio = Math.max(1, Math.ceil(window.devicePixelRatio || 1));
  const root = element(
    "div",
    { "data-testid": "ksim-frames", role: "group", "aria-label": "Map of physical frames" },
    { display: "inline-block", maxWidth: "100%", color: TEXT, position: "relative" },
  );
  const bar = element("div", {}, { display: "flex", gap: "6px", alignItems: "center" });
  const place = element(
    "span", { "data-testid": "ksim-frames-place" }, { font: `12px ${MONO}`, marginLeft: "6px" },
  );
  const canvas = element(
    "canvas",
    {
      tabindex: "0",
      role: "application",
      "aria-roledescription": "frame map",
      "data-testid": "ksim-frames-canvas",
      width: WIDTH * ratio,
      height: HEIGHT * ratio,
    },
    {
      width: `${WIDTH}px`,
      maxWidth: "100%",
      display: "block",
      margin: "4px 0",
      border: `2px solid ${QUIET}`,
      outline: "none",
      boxSizing: "border-box",
      cursor: "crosshair",
    },
  );
  const status = element(
    "div",
    { role: "status", "aria-live": "polite", "data-testid": "ksim-frames-status" },
    { font: `12px ${MONO}`, minHeight: "1.4em", maxWidth: `${WIDTH}px` },
  );
  const answer = element(
    "div",
    { role: "status", "aria-live": "polite", "data-testid": "ksim-frames-answer" },
    { font: `bold 12px ${MONO}`, minHeight: "1.4em", maxWidth: `${WIDTH}px` },
  );
  const legend = element(
    "div",
    { "data-testid": "ksim-frames-legend", role: "list", "aria-label": "legend" },
    { display: "flex", flexWrap: "wrap", gap: "4px 14px", maxWidth: `${WIDTH}px` },
  );
  const tip = element(
    "div",
    { "aria-hidden": "true", "data-testid": "ksim-frames-tip" },
    {
      position: "absolute", display: "none", zIndex: "5", pointerEvents: "none",
      background: "#222", color: "#fff", padding: "3px 7px", borderRadius: "3px",
      font: `12px ${MONO}`, maxWidth: "440px",
    },
  );
  const asText = element("details", {}, { font: "12px sans-serif", marginTop: "4px" });
  const words = element(
    "pre",
    { "data-testid": "ksim-frames-text", tabindex: "0" },
    { font: `12px ${MONO}`, color: TEXT, maxHeight: "300px", overflow: "auto" },
  );
  asText.append(element("summary", {}, {}, "As text"), words);

  function button(text, name, act) {
    const made = element("button", { type: "button", "aria-label": name, title: name }, {
      font: "14px sans-serif", minWidth: "30px", padding: "2px 8px", cursor: "pointer",
      border: "1px solid #777", borderRadius: "3px", background: "transparent", color: TEXT,
    }, text);
    made.dataset.testid = `ksim-frames-${name.toLowerCase().replaceAll(" ", "-")}`;
    made.addEventListener("click", act);
    made.addEventListener("keydown", (event) => event.stopPropagation());
    bar.append(made);
  }

  button("+", "Zoom in", () => zoom(-ZOOM));
  button("−", "Zoom out", () => zoom(ZOOM));
  button("All", "Show all", () => ask(0, wholeBits()));
  bar.append(place);
  root.append(bar, canvas, status, answer, legend, asText, tip);
  el.append(root);

  const context = canvas.getContext("2d");
  const looks = model.get("looks");
  const tiles = new Map();
  let cells = bytesOf(model.get("cells")).slice();
  let chosen = 0;
  let wanted = null; // the frame to choose once another window has come
  let focused = false;
  let changed = false;
  let waiting = null;
  let firstCell = Infinity;
  let lastCell = -1;
  let paints = 0;

  const columns = () => model.get("columns");
  const shift = () => model.get("shift");
  const rows = () => 2 ** Math.min(model.get("bits"), FULL_BITS) / columns();
  const wide = () => WIDTH / columns();
  const high = () => HEIGHT / rows();
  const frameOf = (cell) => model.get("first") + cell * 2 ** shift();
  const cellOf = (frame) => Math.floor((frame - model.get("first")) / 2 ** shift());

  function wholeBits() {
    return Math.max(Math.ceil(Math.log2(Math.max(model.get("frame_count"), 2))), CLOSEST_BITS);
  }

  function tileOf(use) {
    if (!tiles.has(use)) {
      const [, , color, pattern, ink] = looks[use];
      const small = element("canvas", { width: TILE * ratio, height: TILE * ratio });
      const drawn = small.getContext("2d");
      drawn.scale(ratio, ratio);
      drawn.fillStyle = color;
      drawn.fillRect(0, 0, TILE, TILE);
      drawn.strokeStyle = ink;
      if (pattern) drawn.stroke(new Path2D(pattern));
      const fill = context.createPattern(small, "repeat");
      fill.setTransform(new DOMMatrix().scale(1 / ratio));
      tiles.set(use, fill);
    }
    return tiles.get(use);
  }

  function drawCell(cell) {
    const use = cells[cell] & ~MIXED;
    const [w, h] = [wide(), high()];
    const gap = w >= 6 && h >= 6 ? 1 : 0;
    const [x, y] = [(cell % columns()) * w, Math.floor(cell / columns()) * h];
    context.fillStyle = tileOf(use);
    context.fillRect(x, y, w - gap, h - gap);
    if (gap && cells[cell] & MIXED) {
      context.fillStyle = "#000000";
      context.beginPath();
      context.moveTo(x + w - 6, y);
      context.lineTo(x + w - gap, y);
      context.lineTo(x + w - gap, y + 5);
      context.fill();
    }
    if (w >= LETTER_FROM && h >= LETTER_FROM) {
      context.fillStyle = "rgba(255, 255, 255, 0.85)";
      context.fillRect(x + w / 2 - 5, y + h / 2 - 6, 10, 12);
      context.fillStyle = "#111111";
      context.fillText(looks[use][0], x + w / 2, y + h / 2 + 0.5);
    }
  }

  function drawFrame(cell) {
    const [w, h] = [Math.max(wide(), 5), Math.max(high(), 5)];
    const x = (cell % columns()) * wide() - (w - wide()) / 2;
    const y = Math.floor(cell / columns()) * high() - (h - high()) / 2;
    for (const [color, out] of [["#000000", 2], ["#FFFFFF", 1], ["#000000", 0]]) {
      context.strokeStyle = color;
      context.lineWidth = 1;
      context.strokeRect(x - out - 0.5, y - out - 0.5, w + 2 * out + 1, h + 2 * out + 1);
    }
  }

  function paint() {
    waiting = null;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = `bold 11px ${MONO}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    if (firstCell <= 0 && lastCell >= cells.length - 1) {
      context.fillStyle = "#DDDDDD";
      context.fillRect(0, 0, WIDTH, HEIGHT);
    }
    for (let cell = Math.max(firstCell, 0); cell <= Math.min(lastCell, cells.length - 1); cell += 1) {
      drawCell(cell);
    }
    firstCell = Infinity;
    lastCell = -1;
    if (focused && chosen < cells.length) drawFrame(chosen);
    paints += 1;
    root.dataset.paints = String(paints);
    root.dataset.first = String(model.get("first"));
    root.dataset.bits = String(model.get("bits"));
    root.dataset.chosen = String(frameOf(chosen));
  }

  function damage(from, to) {
    firstCell = Math.min(firstCell, from);
    lastCell = Math.max(lastCell, to);
    if (waiting === null) waiting = requestAnimationFrame(paint);
  }

  function around(cell) {
    const span = 3 * columns() + 3; // the frame is wider than a small cell
    damage(cell - span, cell + span);
  }

  function textOf(cell) {
    const count = 2 ** shift();
    const from = frameOf(cell);
    const to = Math.min(from + count, model.get("frame_count"));
    const inside = model.get("spans").filter(([first, end]) => first < to && from < end);
    const owners = [...new Set(inside.map((span) => span[2]))];
    const tags = [...new Set(inside.flatMap((span) => span[3]))];
    const use = looks[cells[cell] & ~MIXED][1];
    const which = count === 1 ? `frame ${from}` : `frames ${from} to ${to - 1}`;
    const many = cells[cell] & MIXED ? "mostly " : "";
    const owner = owners.slice(0, 3).join(", ") + (owners.length > 3 ? ", …" : "");
    const tagged = tags.length ? `; tags ${tags.join(", ")}` : "";
    return `${which}, address ${hex(from * PAGE)}: ${many}${use}; owner ${owner}${tagged}`;
  }

  function describe() {
    const [first, bits] = [model.get("first"), model.get("bits")];
    const end = Math.min(first + 2 ** bits, model.get("frame_count"));
    const each = 2 ** shift();
    place.textContent =
      `${hex(first * PAGE)} to ${hex(end * PAGE)}, ` +
      `a cell is ${each === 1 ? "one frame" : `${each} frames`}`;
    const summary = model.get("label").split("\n").slice(0, 2).join(". ");
    canvas.setAttribute(
      "aria-label",
      `${summary}. Arrow keys move, plus and minus zoom, 0 shows all, Enter asks about a frame.`,
    );
    status.textContent = chosen < cells.length ? textOf(chosen) : "";
    words.textContent = model.get("label");
    answer.textContent = model.get("answer");
    const uses = [...new Set(cells.map((cell) => cell & ~MIXED))].sort((a, b) => a - b);
    legend.replaceChildren(...uses.map((use) => {
      const item = element("span", { role: "listitem" }, {
        display: "inline-flex", gap: "5px", alignItems: "center", font: "12px sans-serif",
      });
      item.append(swatch(looks[use]), element("span", {}, {}, looks[use][1]));
      return item;
    }));
  }

  function choose(cell) {
    if (cell < 0 || cell >= cells.length) return;
    const before = chosen;
    chosen = cell;
    around(before);
    around(chosen);
    status.textContent = textOf(chosen);
  }

  function ask(first, bits) {
    wanted = frameOf(chosen);
    model.send({ kind: "window", first, bits });
  }

  function zoom(change) {
    const bits = Math.min(Math.max(model.get("bits") + change, CLOSEST_BITS), wholeBits());
    const row = 2 ** (Math.floor((Math.min(bits, FULL_BITS) + 1) / 2) + Math.max(bits - FULL_BITS, 0));
    const middle = frameOf(chosen) - 2 ** (bits - 1);
    ask(Math.max(0, Math.floor(middle / row) * row), bits);
  }

  function tell() {
    model.send({ kind: "choose", frame: frameOf(chosen) });
  }

  const ACTS = {
    ArrowLeft: () => choose(chosen - 1),
    ArrowRight: () => choose(chosen + 1),
    ArrowUp: () => choose(chosen - columns()),
    ArrowDown: () => choose(chosen + columns()),
    PageUp: () => choose(chosen - 8 * columns()),
    PageDown: () => choose(chosen + 8 * columns()),
    Home: () => choose(chosen - (chosen % columns())),
    End: () => choose(Math.min(chosen - (chosen % columns()) + columns(), cells.length) - 1),
    "+": () => zoom(-ZOOM),
    "=": () => zoom(-ZOOM),
    "-": () => zoom(ZOOM),
    0: () => ask(0, wholeBits()),
    Enter: tell,
    " ": tell,
  };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
    event.stopPropagation(); // letters are shortcuts of the notebook
    const act = ACTS[event.key];
    if (!act || (event.shiftKey && event.key === "Enter")) return;
    event.preventDefault();
    act();
  }

  function cellAt(event) {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns());
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows());
    return Math.min(Math.max(row, 0), rows() - 1) * columns() + Math.max(column, 0);
  }

  function onClick(event) {
    const cell = cellAt(event);
    if (cell >= cells.length) return;
    choose(cell);
    tell();
  }

  function onMove(event) {
    const cell = cellAt(event);
    if (cell >= cells.length) return onLeave();
    const box = root.getBoundingClientRect();
    tip.textContent = textOf(cell);
    Object.assign(tip.style, {
      display: "block",
      left: `${Math.min(event.clientX - box.left + 14, WIDTH - 300)}px`,
      top: `${event.clientY - box.top + 16}px`,
    });
    return undefined;
  }

  function onLeave() {
    tip.style.display = "none";
  }

  function onFocus() {
    focused = true;
    canvas.style.borderColor = FOCUSED;
    around(chosen);
  }

  function onBlur() {
    focused = false;
    canvas.style.borderColor = QUIET;
    around(chosen);
  }

  function onChange() {
    if (!changed) queueMicrotask(onState); // once for all traits of a message
    changed = true;
  }

  function onState() {
    changed = false;
    cells = bytesOf(model.get("cells")).slice();
    chosen = Math.min(wanted === null ? chosen : cellOf(wanted), cells.length - 1);
    chosen = Math.max(chosen, 0);
    wanted = null;
    damage(0, cells.length - 1);
    describe();
  }

  function onMessage(message, buffers) {
    if (message.kind !== "patch") return;
    const patch = bytesOf(buffers[0]);
    cells.set(patch.subarray(0, cells.length - message.start), message.start);
    damage(message.start, message.start + patch.length - 1);
    status.textContent = textOf(chosen);
  }

  const listeners = {
    keydown: onKey, click: onClick, mousemove: onMove, mouseleave: onLeave,
    focus: onFocus, blur: onBlur,
  };
  for (const [name, act] of Object.entries(listeners)) canvas.addEventListener(name, act);
  const changes = "change:cells change:first change:bits change:spans change:label change:answer";
  model.on(changes, onChange);
  model.on("msg:custom", onMessage);
  onState();
  return () => {
    if (waiting !== null) cancelAnimationFrame(waiting);
    model.off(changes, onChange);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
