// Mouse, touch and pen on the photo: picking, dragging, panning, pinching, drawing a box.

const MOUSE_PICK_PX = 14;
const TOUCH_PICK_PX = 24;
const MOUSE_SLOP_PX = 3; // shorter movements are clicks
const TOUCH_SLOP_PX = 6;
const DOUBLE_TAP_MS = 350;
const DOUBLE_TAP_PX = 24;
const MIN_BOX_PX = 8;

const pointers = new Map(); // pointerId → {x, y} of every finger or button that is down
let gesture = null; // {kind: press | drag | pan | pinch | box, …}
let lastTap = { time: -Infinity, x: 0, y: 0, index: -1 };
let lastPointerType = 'mouse';
let spaceHeld = false;

function draggedPoint() {
  return gesture && gesture.kind === 'drag' ? gesture : null;
}

function draftBox() {
  if (!gesture || gesture.kind !== 'box') return editor.awaitedBox;
  const [[x1, y1], [x2, y2]] = [gesture.from, gesture.to];
  return [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
}

/** The point of the selected face nearest to a place on the page, -1 if none is near enough. */
function pickPoint(clientX, clientY, touch) {
  const face = currentFace();
  if (!face || !viewScale()) return -1;
  const [x, y] = toImage(clientX, clientY);
  let nearest = -1;
  let nearestPx = touch ? TOUCH_PICK_PX : MOUSE_PICK_PX;
  face.points.forEach((_, index) => {
    const place = shownPlace(face, index);
    const distancePx = Math.hypot(place[0] - x, place[1] - y) * viewScale();
    if (distancePx < nearestPx) [nearest, nearestPx] = [index, distancePx];
  });
  return nearest;
}

/** Another face under the pointer: its badge anywhere, its box where the selected face's box is not. */
function pickFace(target, clientX, clientY) {
  const badge = target.closest && target.closest('.fkd-badge');
  if (badge) return Number(badge.parentNode.dataset.face);
  const [x, y] = toImage(clientX, clientY);
  const holds = ({ box }) => x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3];
  const area = ({ box }) => (box[2] - box[0]) * (box[3] - box[1]);
  if (currentFace() && holds(currentFace())) return -1;
  const found = editor.faces.filter(holds).sort((one, other) => area(one) - area(other))[0];
  return found ? editor.faces.indexOf(found) : -1;
}

function pointerDown(event) {
  if (!editor.doc || !viewScale()) return;
  lastPointerType = event.pointerType;
  if (event.pointerType === 'mouse' && event.button === 2) return; // see contextMenu
  stage.focus({ preventScroll: true });
  stage.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (pointers.size === 2) return startPinch();
  if (pointers.size > 2) return undefined;
  const touch = event.pointerType === 'touch';
  const base = { pointerId: event.pointerId, touch, x: event.clientX, y: event.clientY };
  const place = toImage(event.clientX, event.clientY);
  if (event.button === 1 || spaceHeld) {
    gesture = { ...base, kind: 'pan' };
  } else if (editor.adding) {
    gesture = { ...base, kind: 'box', from: place, to: place };
  } else {
    const index = pickPoint(event.clientX, event.clientY, touch);
    gesture = { ...base, kind: 'press', index, target: event.target };
    if (index >= 0) {
      const shown = shownPlace(currentFace(), index);
      gesture.offset = [shown[0] - place[0], shown[1] - place[1]];
      editor.pointIndex = index;
    }
  }
  return draw();
}

function pointerMove(event) {
  if (!editor.doc || !viewScale()) return;
  if (pointers.has(event.pointerId)) pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (!gesture) return hover(event);
  if (gesture.kind === 'pinch') return movePinch();
  if (gesture.pointerId !== event.pointerId) return undefined;
  if (gesture.kind === 'press') leavePress(event);
  if (gesture.kind === 'drag') {
    const [x, y] = toImage(event.clientX, event.clientY);
    const place = clampToReach([x + gesture.offset[0], y + gesture.offset[1]]);
    const state = movedState(gesture.before[gesture.index].state);
    setPoint(gesture.face, gesture.index, { point: place, state, place });
    settleRest(gesture.face);
  } else if (gesture.kind === 'pan') {
    const [before, after] = [toImage(gesture.x, gesture.y), toImage(event.clientX, event.clientY)];
    panBy(before[0] - after[0], before[1] - after[1]);
    [gesture.x, gesture.y] = [event.clientX, event.clientY];
  } else if (gesture.kind === 'box') {
    gesture.to = toImage(event.clientX, event.clientY);
  }
  return draw();
}

/** A press becomes a drag or a pan once it has moved far enough to be no click. */
function leavePress(event) {
  const slop = gesture.touch ? TOUCH_SLOP_PX : MOUSE_SLOP_PX;
  if (Math.hypot(event.clientX - gesture.x, event.clientY - gesture.y) < slop) return;
  editor.hoverIndex = -1;
  if (gesture.index >= 0) {
    const face = currentFace();
    gesture = { ...gesture, kind: 'drag', face, before: allRecords(face) };
  } else {
    gesture = { ...gesture, kind: 'pan' };
  }
}

function hover(event) {
  if (event.pointerType === 'touch') return;
  const index = editor.adding ? -1 : pickPoint(event.clientX, event.clientY, false);
  stage.classList.toggle('fkd-over-point', index >= 0);
  if (index === editor.hoverIndex) return;
  editor.hoverIndex = index;
  draw();
}

function pointerUp(event) {
  pointers.delete(event.pointerId);
  if (!gesture || (gesture.kind !== 'pinch' && gesture.pointerId !== event.pointerId)) return;
  if (gesture.kind === 'press') tap(event);
  finishGesture();
}

/** The browser took the pointer away: whatever was going on ends where it last was. */
function pointerLost(event) {
  if (!pointers.delete(event.pointerId)) return;
  if (gesture && (gesture.kind === 'pinch' || gesture.pointerId === event.pointerId)) finishGesture();
}

function finishGesture() {
  const ended = gesture;
  gesture = null;
  if (ended && ended.kind === 'drag') endDrag(ended);
  if (ended && ended.kind === 'box') endBox(ended);
  mergeWaiting();
  draw();
}

function endDrag({ face, before }) {
  if (recordStep(face, before)) finishEdit();
}

function cancelGesture() {
  const { kind, face, before } = gesture;
  if (kind === 'drag') before.forEach((record, index) => setPoint(face, index, record));
  gesture = null;
  mergeWaiting();
  draw();
}

function endBox({ from, to }) {
  const { width, height } = editor.doc;
  const inside = (value, size) => Math.round(Math.min(Math.max(value, 0), size - 1) * 100) / 100;
  const xs = [inside(from[0], width), inside(to[0], width)].sort((one, other) => one - other);
  const ys = [inside(from[1], height), inside(to[1], height)].sort((one, other) => one - other);
  if (xs[1] - xs[0] < MIN_BOX_PX || ys[1] - ys[0] < MIN_BOX_PX) {
    showHint('That box is too small: drag from one corner of the face to the other. Esc cancels.');
    return;
  }
  setAdding(false);
  addFace([xs[0], ys[0], xs[1], ys[1]]);
}

function tap(event) {
  const { index, target } = gesture;
  const now = performance.now();
  const double =
    now - lastTap.time < DOUBLE_TAP_MS &&
    lastTap.index === index &&
    Math.hypot(event.clientX - lastTap.x, event.clientY - lastTap.y) < DOUBLE_TAP_PX;
  lastTap = { time: double ? -Infinity : now, x: event.clientX, y: event.clientY, index };
  if (index >= 0) {
    if (double) confirmPoint();
    return;
  }
  const faceIndex = pickFace(target, event.clientX, event.clientY);
  if (faceIndex >= 0 && faceIndex !== editor.faceIndex) {
    selectFace(faceIndex);
  } else if (double) {
    if (isPhotoFitted() && currentFace()) fitFace(currentFace());
    else fitPhoto();
  } else {
    editor.pointIndex = -1;
  }
}

function contextMenu(event) {
  event.preventDefault();
  // A long press on a phone asks for the menu too, in the middle of a slow drag.
  if (lastPointerType !== 'mouse' || gesture || !editor.doc) return;
  const index = pickPoint(event.clientX, event.clientY, false);
  if (index < 0) return;
  stage.focus({ preventScroll: true });
  editor.pointIndex = index;
  cycleState();
  draw();
}

function startPinch() {
  if (gesture) finishGesture();
  if (!editor.doc) return;
  gesture = { kind: 'pinch', ...pinchState() };
}

function pinchState() {
  const [one, other] = Array.from(pointers.values());
  return {
    distance: Math.max(Math.hypot(one.x - other.x, one.y - other.y), 1),
    x: (one.x + other.x) / 2,
    y: (one.y + other.y) / 2,
  };
}

function movePinch() {
  const next = pinchState();
  const [before, after] = [toImage(gesture.x, gesture.y), toImage(next.x, next.y)];
  panBy(before[0] - after[0], before[1] - after[1]);
  zoomAbout(toImage(next.x, next.y), next.distance / gesture.distance);
  Object.assign(gesture, next);
  draw();
}

function wheel(event) {
  if (!editor.doc || !viewScale()) return;
  event.preventDefault();
  const unitPx = [1, 16, 120][event.deltaMode];
  // Browsers report a pinch on a touchpad as a wheel with Ctrl, in small steps.
  const factor = Math.exp(-event.deltaY * unitPx * (event.ctrlKey ? 0.01 : 0.0018));
  zoomAbout(toImage(event.clientX, event.clientY), Math.min(Math.max(factor, 0.5), 2));
  draw();
}
