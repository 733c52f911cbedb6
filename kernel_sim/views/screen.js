// The VGA text screen: 80 by 25 cells of two bytes, character and attribute, drawn on a canvas.
//
//   traits   cells   4000 bytes            label   the text, for screen readers
//            cursor  cell number or -1
//   message  {kind: "patch", start} with the bytes that changed
//
// Keys: arrows, Home, End, PageUp and PageDown move a frame that tells what one cell holds; Escape
// takes it away. Nothing is loaded from anywhere.

const COLUMNS = 80;
const ROWS = 25;
const CELL = { width: 9, height: 16 };
const TEXT_BASE = 0xb8000;
const COLORS = [
  "#000000", "#0000aa", "#00aa00", "#00aaaa", "#aa0000", "#aa00aa", "#aa5500", "#aaaaaa",
  "#555555", "#5555ff", "#55ff55", "#55ffff", "#ff5555", "#ff55ff", "#ffff55", "#ffffff",
];
const COLOR_WORDS = [
  "black", "blue", "green", "cyan", "red", "magenta", "brown", "light grey",
  "dark grey", "light blue", "light green", "light cyan", "light red", "light magenta", "yellow",
  "white",
];
// code page 437: 0 to 31, then 127 to 255; 32 to 126 are ASCII
const LOW = " ☺☻♥♦♣♠•◘○◙♂♀♪♫☼►◄↕‼¶§▬↨↑↓→←∟↔▲▼";
const HIGH =
  "⌂ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌" +
  "█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■ ";

function glyph(code) {
  if (code < 32) return LOW[code];
  return code < 127 ? String.fromCharCode(code) : HIGH[code - 127];
}

function bytesOf(view) {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

function element(tag, attributes, style = {}) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  Object.assign(made.style, style);
  return made;
}

const QUIET = "#777777";
const FOCUSED = "#56B4E9";

function render({ model, el }) {
  const MONO = "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace";
  const ratio = Math.max(1, Math.ceil(window.devicePixelRatio || 1));
  const still = window.matchMedia("(prefers-reduced-motion: reduce)");
  const root = element(
    "div",
    { "data-testid": "ksim-screen", role: "group", "aria-label": "VGA text screen" },
    { display: "inline-block", maxWidth: "100%" },
  );
  const canvas = element(
    "canvas",
    {
      tabindex: "0",
      role: "application",
      "aria-roledescription": "text screen",
      "data-testid": "ksim-screen-canvas",
      width: COLUMNS * CELL.width * ratio,
      height: ROWS * CELL.height * ratio,
    },
    {
      width: `${COLUMNS * CELL.width}px`,
      maxWidth: "100%",
      display: "block",
      background: "#000",
      outline: "none",
    },
  );
  const status = element(
    "div",
    { role: "status", "aria-live": "polite", "data-testid": "ksim-screen-status" },
    {
      font: `12px ${MONO}`,
      color: "var(--jp-ui-font-color1, #222)",
      minHeight: "1.4em",
      margin: "3px 0",
    },
  );
  const hint = "Arrow keys: what a cell holds. Escape: leave it.";
  const frame = element("div", {}, {
    background: "#000",
    border: `2px solid ${QUIET}`,
    borderRadius: "6px",
    padding: "8px 10px",
    width: "fit-content",
    maxWidth: "100%",
    boxSizing: "border-box",
  });
  frame.append(canvas);
  root.append(frame, status);
  el.append(root);

  const context = canvas.getContext("2d");
  let cells = bytesOf(model.get("cells")).slice();
  let chosen = -1;
  let lit = true;
  let paints = 0;
  let waiting = null;
  let firstRow = ROWS;
  let lastRow = -1;

  function drawCell(index) {
    const code = cells[index * 2] ?? 0;
    const attribute = cells[index * 2 + 1] ?? 7;
    const x = (index % COLUMNS) * CELL.width;
    const y = Math.floor(index / COLUMNS) * CELL.height;
    context.fillStyle = COLORS[(attribute >> 4) & 7];
    context.fillRect(x, y, CELL.width, CELL.height);
    const character = glyph(code);
    if (character !== " ") {
      context.fillStyle = COLORS[attribute & 15];
      context.fillText(character, x + CELL.width / 2, y + CELL.height / 2 + 1);
    }
    if (index === model.get("cursor") && lit) {
      context.fillStyle = COLORS[attribute & 15];
      context.fillRect(x, y + CELL.height - 3, CELL.width, 2);
    }
    if (index === chosen) {
      context.strokeStyle = "#F0E442";
      context.lineWidth = 1;
      context.strokeRect(x + 0.5, y + 0.5, CELL.width - 1, CELL.height - 1);
    }
  }

  function paint() {
    waiting = null;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.font = `15px ${MONO}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    for (let row = firstRow; row <= lastRow; row += 1) {
      for (let column = 0; column < COLUMNS; column += 1) drawCell(row * COLUMNS + column);
    }
    firstRow = ROWS;
    lastRow = -1;
    paints += 1;
    root.dataset.paints = String(paints);
  }

  function damage(from, to) {
    firstRow = Math.min(firstRow, Math.max(0, from));
    lastRow = Math.max(lastRow, Math.min(ROWS - 1, to));
    if (waiting === null) waiting = requestAnimationFrame(paint);
  }

  function rowOf(index) {
    return Math.floor(index / COLUMNS);
  }

  function describe() {
    canvas.setAttribute("aria-label", model.get("label"));
    if (chosen < 0) {
      status.textContent = hint;
      return;
    }
    const [code, attribute] = [cells[chosen * 2], cells[chosen * 2 + 1]];
    const address = (TEXT_BASE + chosen * 2).toString(16);
    const number = code.toString(16).padStart(2, "0");
    const colors = `${COLOR_WORDS[attribute & 15]} on ${COLOR_WORDS[(attribute >> 4) & 7]}`;
    status.textContent =
      `row ${rowOf(chosen)}, column ${chosen % COLUMNS}, address 0x${address}: ` +
      `character 0x${number} '${glyph(code)}', ${colors}`;
  }

  function choose(index) {
    const before = chosen;
    chosen = index < 0 ? -1 : Math.min(COLUMNS * ROWS - 1, index);
    for (const cell of [before, chosen]) if (cell >= 0) damage(rowOf(cell), rowOf(cell));
    describe();
  }

  const STEPS = {
    ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS,
    PageUp: -5 * COLUMNS, PageDown: 5 * COLUMNS,
  };

  function onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in STEPS) {
      const next = chosen < 0 ? 0 : chosen + STEPS[event.key];
      if (next >= 0 && next < COLUMNS * ROWS) choose(next);
    } else if (event.key === "Home") choose(chosen < 0 ? 0 : chosen - (chosen % COLUMNS));
    else if (event.key === "End") {
      choose(chosen < 0 ? COLUMNS - 1 : chosen - (chosen % COLUMNS) + COLUMNS - 1);
    } else if (event.key === "Escape") choose(-1);
    else if (event.key === "Tab") return;
    else {
      event.stopPropagation(); // letters are shortcuts of the notebook
      return;
    }
    event.preventDefault();
    event.stopPropagation();
  }

  function onClick(event) {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * COLUMNS);
    const row = Math.floor(((event.clientY - box.top) / box.height) * ROWS);
    choose(row * COLUMNS + column);
  }

  function onCells() {
    cells = bytesOf(model.get("cells")).slice();
    damage(0, ROWS - 1);
    describe();
  }

  function onMessage(message, buffers) {
    if (message.kind !== "patch") return;
    const patch = bytesOf(buffers[0]);
    cells.set(patch, message.start);
    damage(rowOf(message.start >> 1), rowOf((message.start + patch.length - 1) >> 1));
  }

  function onCursor() {
    damage(0, ROWS - 1);
  }

  const blink = setInterval(() => {
    if (model.get("cursor") < 0) return;
    lit = still.matches || !lit;
    damage(rowOf(model.get("cursor")), rowOf(model.get("cursor")));
  }, 500);
  canvas.addEventListener("focus", () => { frame.style.borderColor = FOCUSED; });
  canvas.addEventListener("blur", () => { frame.style.borderColor = QUIET; });
  canvas.addEventListener("keydown", onKey);
  canvas.addEventListener("click", onClick);
  model.on("change:cells", onCells);
  model.on("change:label", describe);
  model.on("change:cursor", onCursor);
  model.on("msg:custom", onMessage);
  onCells();
  return () => {
    clearInterval(blink);
    if (waiting !== null) cancelAnimationFrame(waiting);
    model.off("change:cells", onCells);
    model.off("change:label", describe);
    model.off("change:cursor", onCursor);
    model.off("msg:custom", onMessage);
  };
}

export default { render };
