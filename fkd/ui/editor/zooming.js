// Moving the view, with one pointer, two fingers or the wheel.

function panTo(event) {
  const [before, after] = [toImage(gesture.x, gesture.y), toImage(event.clientX, event.clientY)];
  panBy(before[0] - after[0], before[1] - after[1]);
  [gesture.x, gesture.y] = [event.clientX, event.clientY];
}

function startTwoFingers() {
  if (gesture) finishGesture();
  if (!editor.doc) return;
  const start = fingers();
  const face = editor.tool === 'whole' ? currentFace() : null;
  gesture = face
    ? { kind: 'twist', face, before: allRecords(face), start, middle: toImage(start.x, start.y) }
    : { kind: 'pinch', ...start };
}

/** Where two fingers are: the middle between them, how far apart, and how they are turned. */
function fingers() {
  const [one, other] = Array.from(pointers.values());
  return {
    distance: Math.max(Math.hypot(one.x - other.x, one.y - other.y), 1),
    angle: Math.atan2(other.y - one.y, other.x - one.x),
    x: (one.x + other.x) / 2,
    y: (one.y + other.y) / 2,
  };
}

function moveTwoFingers() {
  if (pointers.size < 2) return;
  if (gesture.kind === 'twist') twist(gesture.start, fingers());
  else movePinch(fingers());
  draw();
}

function movePinch(next) {
  const [before, after] = [toImage(gesture.x, gesture.y), toImage(next.x, next.y)];
  panBy(before[0] - after[0], before[1] - after[1]);
  zoomAbout(toImage(next.x, next.y), next.distance / gesture.distance);
  Object.assign(gesture, next);
}

function wheel(event) {
  if (!editor.doc || !viewScale()) return;
  event.preventDefault();
  const unitPx = [1, 16, 120][event.deltaMode];
  // Some systems turn the wheel sideways while Shift is held.
  if (event.altKey) return turnByWheel((event.deltaY || event.deltaX) * unitPx, event.shiftKey);
  // Browsers report a pinch on a touchpad as a wheel with Ctrl, in small steps.
  const factor = Math.exp(-event.deltaY * unitPx * (event.ctrlKey ? 0.01 : 0.0018));
  zoomAbout(toImage(event.clientX, event.clientY), Math.min(Math.max(factor, 0.5), 2));
  return draw();
}
