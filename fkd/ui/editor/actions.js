// What a person can do to points and faces, whichever key, button or gesture asks for it.

function selectPoint(index) {
  editor.pointIndex = index;
  if (index >= 0 && viewScale()) bringIntoView(shownPlace(currentFace(), index));
  draw();
}

function selectFace(index) {
  if (index === editor.faceIndex || !editor.faces[index]) return;
  editor.faceIndex = index;
  editor.pointIndex = -1;
  editor.hoverIndex = -1;
  publish();
  draw();
}

function stepFace(direction) {
  const count = editor.faces.length;
  if (count < 2) return;
  selectFace((editor.faceIndex + direction + count) % count);
  const [left, top, right, bottom] = currentFace().box;
  if (viewScale()) bringIntoView([(left + right) / 2, (top + bottom) / 2]);
  draw();
}

/** The next point; false at either end, where Tab leaves the editor as it leaves any other field. */
function stepPoint(direction) {
  const face = currentFace();
  if (!face) return false;
  const start = editor.pointIndex < 0 && direction < 0 ? pointCount() : editor.pointIndex;
  const next = start + direction;
  if (next < 0 || next >= pointCount()) return false;
  selectPoint(next);
  return true;
}

function changeSelected(makeChange, joinLast) {
  const face = currentFace();
  const index = editor.pointIndex;
  if (!face || index < 0) return;
  const change = makeChange(face, index);
  if (change && applyChanges(face, [{ index, ...change }], joinLast)) finishEdit();
}

/** The state of a point after it was put somewhere. An occluded point stays occluded. */
function movedState(state) {
  return state === 'occluded' ? 'occluded' : 'moved';
}

function nudge(dx, dy, joinLast) {
  changeSelected((face, index) => {
    const point = face.points[index];
    return point && { point: clampToReach([point[0] + dx, point[1] + dy]), state: movedState(face.states[index]) };
  }, joinLast);
  if (editor.pointIndex >= 0) selectPoint(editor.pointIndex);
}

function confirmPoint() {
  changeSelected((face, index) => {
    if (!FREE.includes(face.states[index])) return null;
    return { point: face.points[index], state: 'confirmed' };
  });
}

/** Visible, occluded, absent, and back. */
function cycleState() {
  changeSelected((face, index) => {
    const place = shownPlace(face, index);
    if (face.states[index] === 'occluded') return { point: null, state: 'absent' };
    if (face.states[index] !== 'absent') return { point: place, state: 'occluded' };
    return { point: place, state: stateAtReturn(face, index) };
  });
}

function resetPoint() {
  changeSelected((face, index) => {
    const { points, states } = predictionOf(face);
    return { point: points[index], state: states[index] };
  });
}

function resetFace() {
  const face = currentFace();
  if (!face) return;
  const { points, states } = predictionOf(face);
  if (applyChanges(face, points.map((point, index) => ({ index, point, state: states[index] })))) finishEdit();
}

function undo() {
  if (currentFace() && undoStep(currentFace())) finishEdit();
}

function redo() {
  if (currentFace() && redoStep(currentFace())) finishEdit();
}

function toggleColours() {
  editor.byState = !editor.byState;
  drawLegend();
  draw();
}

function setAdding(on) {
  editor.adding = on;
  showHint(on ? 'Drag a box round the face. Esc cancels.' : '');
  draw();
}

function showFace() {
  if (currentFace()) fitFace(currentFace());
  draw();
}

function showPhoto() {
  fitPhoto();
  draw();
}

function zoomStep(factor) {
  zoomAboutCentre(factor);
  draw();
}
