// Keeps the keys of the box that this stands in away from the notebook's shortcuts: in JupyterLab
// a letter or an arrow typed into a list of choices would otherwise insert, move or delete cells.

function render({ el }) {
  el.style.display = "none";
  const keep = (event) => event.stopPropagation();
  let box = null;
  let waiting = null;

  function attach() {
    box = el.closest(".ksim-own-keys");
    if (box === null) {
      waiting = requestAnimationFrame(attach); // not in the page yet
      return;
    }
    box.dataset.lmSuppressShortcuts = "true";
    box.addEventListener("keydown", keep);
  }

  attach();
  return () => {
    if (waiting !== null) cancelAnimationFrame(waiting);
    if (box !== null) box.removeEventListener("keydown", keep);
  };
}

export default { render };
