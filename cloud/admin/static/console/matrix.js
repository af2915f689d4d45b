// The permission matrix by keyboard: arrows go from box to box, Home and End along a line.
(() => {
  const matrix = document.querySelector("[data-matrix]");
  if (!matrix) return;
  const lines = [...matrix.querySelectorAll("tr")]
    .map((line) => [...line.querySelectorAll("input[type=checkbox]")])
    .filter((boxes) => boxes.some((box) => !box.disabled));
  const next = (boxes, at, step) => {
    for (let place = at + step; place >= 0 && place < boxes.length; place += step)
      if (!boxes[place].disabled) return boxes[place];
    return null;
  };
  matrix.addEventListener("keydown", (event) => {
    const row = lines.findIndex((boxes) => boxes.includes(event.target));
    if (row < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const boxes = lines[row];
    const column = boxes.indexOf(event.target);
    const to = {
      ArrowRight: () => next(boxes, column, 1),
      ArrowLeft: () => next(boxes, column, -1),
      ArrowDown: () => lines[row + 1]?.[column],
      ArrowUp: () => lines[row - 1]?.[column],
      Home: () => next(boxes, -1, 1),
      End: () => next(boxes, boxes.length, -1),
    }[event.key];
    const box = to?.();
    if (!to) return;
    event.preventDefault();
    if (box && !box.disabled) box.focus();
  });
})();
