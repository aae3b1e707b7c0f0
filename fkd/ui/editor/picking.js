// What is under the pointer: a point, the grip of a point, another face.

const MOUSE_PICK_PX = 14;
const TOUCH_PICK_PX = 24;
const GRIP_PX = 56; // from a point to its grip
const GRIP_PICK_PX = 22;

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

/** On touch, the selected point has a grip below it, by which a finger moves it without covering it. */
function gripPlace() {
  const face = currentFace();
  if (lastPointerType !== 'touch' || !face || editor.pointIndex < 0 || !viewScale()) return null;
  const place = shownPlace(face, editor.pointIndex);
  const isDragged = Boolean(draggedPoint());
  // Above it where there is no room below; it does not change sides in mid-drag.
  const side = isDragged ? gesture.gripSide : toStage(place)[1] + GRIP_PX + GRIP_PICK_PX > stageSize.height ? -1 : 1;
  return { place, grip: [place[0], place[1] + (side * GRIP_PX) / viewScale()], side };
}

function pickGrip(clientX, clientY) {
  const held = gripPlace();
  if (!held) return null;
  const [x, y] = toImage(clientX, clientY);
  return Math.hypot(held.grip[0] - x, held.grip[1] - y) * viewScale() < GRIP_PICK_PX ? held : null;
}
