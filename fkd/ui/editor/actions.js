// What a person can do to the selected points, whichever key, button or gesture asks for it.

/** Change every selected point by `makeChange(face, index)`, which returns {point, state} or null, as one step. */
function changeSelected(makeChange, joinLast) {
  const face = currentFace();
  if (!face) return;
  const changes = selectedPoints().flatMap((index) => {
    const change = makeChange(face, index);
    return change ? [{ index, ...change }] : [];
  });
  if (changes.length && applyChanges(face, changes, joinLast)) finishEdit();
}

/** Move by image pixels: the selected points, or the whole face while that tool is on. */
function nudge(dx, dy, joinLast) {
  const face = currentFace();
  const indices = editor.tool === 'whole' ? face.points.map((_, index) => index) : selectedPoints();
  const present = indices.filter((index) => face.points[index]);
  if (!present.length) return;
  const before = allRecords(face);
  shiftPoints(face, present, before, [dx, dy]);
  settleRest(face);
  if (recordStep(face, before, joinLast)) finishEdit();
  if (editor.pointIndex >= 0) selectPoint(editor.pointIndex);
}

function canNudge() {
  return Boolean(currentFace()) && (editor.tool === 'whole' || selectedPoints().length > 0);
}

function confirmPoints() {
  changeSelected((face, index) => {
    return FREE.includes(face.states[index]) ? { point: face.points[index], state: 'confirmed' } : null;
  });
}

/** Visible, occluded, absent, and back; several points go where the first of them goes. */
function cycleState() {
  const face = currentFace();
  const [first] = selectedPoints();
  if (!face || first === undefined) return;
  const visible = !MARKED.includes(face.states[first]);
  const hidden = face.states[first] === 'occluded';
  changeSelected((_, index) => {
    const place = shownPlace(face, index);
    if (visible) return { point: place, state: 'occluded' };
    if (hidden) return { point: null, state: 'absent' };
    return MARKED.includes(face.states[index]) ? { point: place, state: stateAtReturn(face, index) } : null;
  });
}

function resetPoints() {
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

function toggleColours() {
  editor.byState = !editor.byState;
  drawLegend();
  draw();
}

function showFace() {
  if (!currentFace()) return;
  remember(OPENS_AT_KEY, 'face');
  fitFace(currentFace());
  draw();
}

function showPhoto() {
  remember(OPENS_AT_KEY, 'photo');
  fitPhoto();
  draw();
}

function zoomStep(factor) {
  zoomAboutCentre(factor);
  draw();
}
