// What the gestures do that change something: dragging points, moving and turning the whole face, drawing boxes.

const MIN_BOX_PX = 8;
const MIN_FACE_PX = 4; // a face is not scaled down to less
const TURN_RAD = 0.00035; // per unit of the wheel: 2 to 2.5 degrees a notch
const SCALE_RATE = 0.0003; // per unit of the wheel: 3 % a notch
const TURN_ENDS_MS = 1500; // after the last turn of the wheel, if Alt is not let go before
let turnTimer = 0;

/** The point that is being dragged, if there is one: {index, face, touch}. */
function draggedPoint() {
  return gesture && gesture.kind === 'drag' ? gesture : null;
}

function dragTo([x, y]) {
  const { face, before, index, indices, offset } = gesture;
  const [startX, startY] = before[index].place;
  shiftPoints(face, indices, before, [x + offset[0] - startX, y + offset[1] - startY]);
  settleRest(face);
}

function dragWholeTo([x, y]) {
  const { face, before, start } = gesture;
  shiftPoints(face, before.map((_, index) => index), before, [x - start[0], y - start[1]]);
}

function endChange({ kind, face, before }) {
  clearTimeout(turnTimer);
  if (!recordStep(face, before)) return;
  finishEdit();
  if (kind !== 'drag' && !editor.tool) showNote('The whole face was moved. Ctrl+Z takes it back.');
}

/** Alt + wheel: all turns until the wheel rests, or Alt is let go, are one step. */
function turnByWheel(delta, scales) {
  const face = currentFace();
  if (!face || (gesture && gesture.kind !== 'turn')) return;
  stage.focus({ preventScroll: true }); // so that letting go of Alt is heard
  if (!gesture) gesture = { kind: 'turn', face, before: allRecords(face), angle: 0, factor: 1 };
  const angle = gesture.angle + (scales ? 0 : delta * TURN_RAD);
  const factor = gesture.factor * (scales ? Math.exp(-delta * SCALE_RATE) : 1);
  const middle = middleOf(gesture.before);
  if (turnFace(face, gesture.before, { angle, factor, from: middle, to: middle })) Object.assign(gesture, { angle, factor });
  clearTimeout(turnTimer);
  turnTimer = setTimeout(endTurn, TURN_ENDS_MS);
  draw();
}

function endTurn() {
  if (gesture && gesture.kind === 'turn') finishGesture();
}

/** Two fingers on the whole face: it moves, turns and scales as they do. */
function twist(start, now) {
  turnFace(gesture.face, gesture.before, {
    angle: now.angle - start.angle,
    factor: now.distance / start.distance,
    from: gesture.middle,
    to: toImage(now.x, now.y),
  });
}

/** The box that is being drawn, or that waits for its face: [left, top, right, bottom]. */
function draftBox() {
  return gesture && BOXES.includes(gesture.kind) ? drawnBox(gesture) : editor.awaitedBox;
}

function drawnBox({ from: [x1, y1], to: [x2, y2] }) {
  return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
}

function endBox(drawn) {
  const { width, height } = editor.doc;
  const inside = (value, size) => Math.round(Math.min(Math.max(value, 0), size - 1) * 100) / 100;
  const box = drawnBox(drawn).map((value, side) => inside(value, side % 2 ? height : width));
  if (box[2] - box[0] < MIN_BOX_PX || box[3] - box[1] < MIN_BOX_PX) {
    showHint('That box is too small: drag from one corner of the face to the other. Esc cancels.');
    return;
  }
  setTool('');
  addFace(box);
}

/** The points in the box are chosen; the next drag moves them, so the tool has done its work. */
function endLasso(drawn) {
  chooseInBox(drawnBox(drawn));
  if (editor.tool === 'select') setTool('');
}
