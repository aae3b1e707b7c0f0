// Mouse, touch and pen on the photo: how a gesture starts, goes on and ends. What it does is in drags.js and zooming.js.

const MOUSE_SLOP_PX = 3; // shorter movements are clicks
const TOUCH_SLOP_PX = 6;
const WHOLE_SLOP_PX = 8; // a whole face does not move by accident

const pointers = new Map(); // pointerId → {x, y} of every finger or button that is down
let gesture = null; // {kind: press | drag | whole | turn | twist | lasso | box | pan | pinch, …}
let lastPointerType = 'mouse';
let spaceHeld = false;

const CHANGING = ['drag', 'whole', 'turn', 'twist']; // these move points
const BOXES = ['box', 'lasso'];

/** Whether a value from the server must wait until the gesture is over. */
function isBusy() {
  return Boolean(gesture) && (CHANGING.includes(gesture.kind) || BOXES.includes(gesture.kind));
}

function pointerDown(event) {
  if (!editor.doc || !viewScale()) return;
  lastPointerType = event.pointerType;
  if (event.pointerType === 'mouse' && event.button === 2) return; // see contextMenu
  if (gesture && gesture.kind === 'turn') finishGesture();
  stage.focus({ preventScroll: true });
  stage.setPointerCapture(event.pointerId);
  pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (pointers.size === 2) return startTwoFingers();
  if (pointers.size > 2) return undefined;
  gesture = startedGesture(event);
  return draw();
}

function startedGesture(event) {
  const touch = event.pointerType === 'touch';
  const base = { pointerId: event.pointerId, touch, x: event.clientX, y: event.clientY };
  const place = toImage(event.clientX, event.clientY);
  if (event.button === 1 || spaceHeld) return { ...base, kind: 'pan' };
  if (editor.tool === 'add') return { ...base, kind: 'box', from: place, to: place };
  const press = { ...base, kind: 'press', index: -1, target: event.target, start: place, starts: 'pan' };
  if (currentFace() && (event.altKey || editor.tool === 'whole')) return { ...press, starts: 'whole' };
  press.index = pickPoint(event.clientX, event.clientY, touch);
  if (event.shiftKey || editor.tool === 'select') return { ...press, starts: 'lasso' };
  const held = touch && pickGrip(event.clientX, event.clientY);
  if (!held && press.index < 0) return press;
  const index = held ? editor.pointIndex : press.index;
  if (!editor.chosen.has(index)) choose([index]);
  const shown = shownPlace(currentFace(), index);
  const offset = [shown[0] - place[0], shown[1] - place[1]];
  return { ...press, starts: 'drag', dragged: index, offset, gripSide: held ? held.side : 1 };
}

function pointerMove(event) {
  if (!editor.doc || !viewScale()) return;
  if (pointers.has(event.pointerId)) pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  if (!gesture) return hover(event);
  if (gesture.kind === 'pinch' || gesture.kind === 'twist') return moveTwoFingers();
  if (gesture.pointerId !== event.pointerId) return undefined;
  if (gesture.kind === 'press') leavePress(event);
  const place = toImage(event.clientX, event.clientY);
  if (gesture.kind === 'drag') dragTo(place);
  else if (gesture.kind === 'whole') dragWholeTo(place);
  else if (gesture.kind === 'pan') panTo(event);
  else if (BOXES.includes(gesture.kind)) gesture.to = place;
  return draw();
}

/** A press becomes something else once it has moved far enough to be no click. */
function leavePress(event) {
  const slop = gesture.starts === 'whole' ? WHOLE_SLOP_PX : gesture.touch ? TOUCH_SLOP_PX : MOUSE_SLOP_PX;
  if (Math.hypot(event.clientX - gesture.x, event.clientY - gesture.y) < slop) return;
  editor.hoverIndex = -1;
  const { starts, dragged, start } = gesture;
  gesture = { ...gesture, kind: starts };
  if (starts === 'lasso') Object.assign(gesture, { from: start, to: start });
  if (!CHANGING.includes(starts)) return;
  const face = currentFace();
  const indices = editor.chosen.size ? Array.from(editor.chosen) : [dragged];
  Object.assign(gesture, { index: dragged, face, indices, before: allRecords(face) });
}

function hover(event) {
  if (event.pointerType === 'touch') return;
  const picks = editor.tool === '' || editor.tool === 'select';
  const index = picks && !event.altKey ? pickPoint(event.clientX, event.clientY, false) : -1;
  stage.classList.toggle('fkd-over-point', index >= 0);
  stage.classList.toggle('fkd-over-face', event.altKey);
  if (index === editor.hoverIndex) return;
  editor.hoverIndex = index;
  draw();
}

function pointerUp(event) {
  pointers.delete(event.pointerId);
  if (!gesture) return;
  if (gesture.kind !== 'pinch' && gesture.kind !== 'twist' && gesture.pointerId !== event.pointerId) return;
  if (gesture.kind === 'press') tap(event);
  finishGesture();
}

/** The browser took the pointer away: whatever was going on ends where it last was. */
function pointerLost(event) {
  if (!pointers.delete(event.pointerId) || !gesture) return;
  if (gesture.kind === 'pinch' || gesture.kind === 'twist' || gesture.pointerId === event.pointerId) finishGesture();
}

function finishGesture() {
  const ended = gesture;
  gesture = null;
  if (ended && CHANGING.includes(ended.kind)) endChange(ended);
  else if (ended && ended.kind === 'box') endBox(ended);
  else if (ended && ended.kind === 'lasso') endLasso(ended);
  mergeWaiting();
  draw();
}

/** Everything is as it was before the gesture. */
function cancelGesture() {
  const { kind, face, before } = gesture;
  if (CHANGING.includes(kind)) before.forEach((record, index) => setPoint(face, index, record));
  gesture = null;
  mergeWaiting();
  draw();
}
