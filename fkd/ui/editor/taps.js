// Clicks and taps: selecting, confirming with a second one, and the right button.

const DOUBLE_TAP_MS = 350;
const DOUBLE_TAP_PX = 24;

let lastTap = { time: -Infinity, x: 0, y: 0, index: -1 };

function tap(event) {
  const { index, target, starts, touch } = gesture;
  if (starts === 'whole') return;
  if (starts === 'lasso') {
    if (index >= 0) togglePoint(index);
    return;
  }
  const double = touch && isDoubleTap(event, index);
  if (index < 0 && starts === 'drag') return; // the grip of the selected point
  if (index >= 0) {
    choose([index]);
    if (double) confirmPoints();
    return;
  }
  const faceIndex = pickFace(target, event.clientX, event.clientY);
  if (faceIndex >= 0 && faceIndex !== editor.faceIndex) selectFace(faceIndex);
  else if (double) fitOther();
  else choose([]);
}

/** With a mouse the system says what a double click is: people set how fast theirs are. */
function doubleClick(event) {
  if (!editor.doc || lastPointerType === 'touch' || editor.tool || event.shiftKey || event.altKey) return;
  const index = pickPoint(event.clientX, event.clientY, false);
  if (index < 0) fitOther();
  else {
    choose([index]);
    confirmPoints();
  }
  draw();
}

/** The whole photo is in view: go to the face. Else: the whole photo. */
function fitOther() {
  if (isPhotoFitted() && currentFace()) fitFace(currentFace());
  else fitPhoto();
}

function isDoubleTap(event, index) {
  const now = performance.now();
  const double =
    now - lastTap.time < DOUBLE_TAP_MS &&
    lastTap.index === index &&
    Math.hypot(event.clientX - lastTap.x, event.clientY - lastTap.y) < DOUBLE_TAP_PX;
  lastTap = { time: double ? -Infinity : now, x: event.clientX, y: event.clientY, index };
  return double;
}

function contextMenu(event) {
  event.preventDefault();
  // A long press on a phone asks for the menu too, in the middle of a slow drag.
  if (lastPointerType !== 'mouse' || gesture || !editor.doc) return;
  const index = pickPoint(event.clientX, event.clientY, false);
  if (index < 0) return;
  stage.focus({ preventScroll: true });
  if (!editor.chosen.has(index)) choose([index]);
  cycleState();
  draw();
}
