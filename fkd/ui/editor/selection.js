// Which points the keys and buttons are for: one, or several that were chosen together.

function selectedPoints() {
  if (editor.chosen.size) return Array.from(editor.chosen);
  return editor.pointIndex >= 0 ? [editor.pointIndex] : [];
}

/** Select these points and no others. One alone is no group: it shows its name and can be stepped on from. */
function choose(indices) {
  editor.chosen = new Set(indices.length > 1 ? indices : []);
  editor.pointIndex = indices.length === 1 ? indices[0] : -1;
}

function selectPoint(index) {
  choose(index < 0 ? [] : [index]);
  if (index >= 0 && viewScale()) bringIntoView(shownPlace(currentFace(), index));
  draw();
}

/** Take a point into the selection, or out of it. */
function togglePoint(index) {
  const selected = selectedPoints();
  choose(selected.includes(index) ? selected.filter((other) => other !== index) : selected.concat(index));
}

/** Add the points in a box to the selection; absent ones are not there to be caught. */
function chooseInBox([left, top, right, bottom]) {
  const face = currentFace();
  if (!face) return;
  const caught = face.points.flatMap((point, index) => {
    return point && point[0] >= left && point[0] <= right && point[1] >= top && point[1] <= bottom ? [index] : [];
  });
  choose(Array.from(new Set(selectedPoints().concat(caught))));
}

function chooseAll() {
  const face = currentFace();
  if (face) choose(face.points.flatMap((point, index) => (point ? [index] : [])));
  draw();
}

/** The order in which Tab walks: that of the scheme, or the least certain first. */
function walkOrder(face) {
  const order = face.points.map((_, index) => index);
  const certainty = (index) => (face.predicted[index] ? face.confidence[index] : -1);
  return editor.leastCertainFirst ? order.sort((one, other) => certainty(one) - certainty(other)) : order;
}

/** The next point; false at either end, where Tab leaves the editor as it leaves any other field. */
function stepPoint(direction) {
  const face = currentFace();
  if (!face) return false;
  const order = walkOrder(face);
  const at = order.indexOf(editor.pointIndex);
  const next = order[at < 0 && direction < 0 ? order.length - 1 : at + direction];
  if (next === undefined) return false;
  selectPoint(next);
  return true;
}

function toggleWalk() {
  editor.leastCertainFirst = !editor.leastCertainFirst;
  showNote(editor.leastCertainFirst ? 'Tab: the least certain points first.' : 'Tab: the points in their order.');
  draw();
}
