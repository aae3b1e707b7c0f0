// Several points in one movement: shifted, turned and scaled together, so that they keep their shape at the edge of
// the photo's reach as well. A movement starts from `before`, the records of all points of the face.

/** The state of a point after it was put somewhere. An occluded point stays occluded. */
function movedState(state) {
  return state === 'occluded' ? 'occluded' : 'moved';
}

/** Put a point where it was moved to. Of several, absent ones stay absent; one alone was taken hold of to be placed. */
function putMoved(face, index, { state }, place, alone) {
  const absent = state === 'absent' && !alone;
  setPoint(face, index, { point: absent ? null : place, state: absent ? state : movedState(state), place });
}

/** As much of a shift as leaves all places within reach; what is outside already may come back only. */
function heldShift(places, [dx, dy]) {
  return [heldAxis(places.map(([x]) => x), dx, editor.doc.width), heldAxis(places.map(([, y]) => y), dy, editor.doc.height)];
}

function heldAxis(values, shift, size) {
  const margin = OUTSIDE_SHARE * size;
  const least = Math.min(-0.5 - margin - Math.min(...values), 0);
  const most = Math.max(size - 0.5 + margin - Math.max(...values), 0);
  return Math.min(Math.max(shift, least), most);
}

function shiftPoints(face, indices, before, shift) {
  const [dx, dy] = heldShift(indices.map((index) => before[index].place), shift);
  indices.forEach((index) => {
    const [x, y] = before[index].place;
    putMoved(face, index, before[index], clampToReach([x + dx, y + dy]), indices.length === 1);
  });
}

/** The middle of a face, which it turns about. */
function middleOf(before) {
  const places = before.filter(({ point }) => point).map(({ place }) => place);
  const mean = (axis) => places.reduce((sum, place) => sum + place[axis], 0) / places.length;
  return places.length ? [mean(0), mean(1)] : before[0].place;
}

/**
 * Turn the whole face by an angle in radians, clockwise as seen, and scale it, both about `from`, which comes to `to`.
 * False, and nothing is done, if a point would leave the reach or the face would shrink to nothing.
 */
function turnFace(face, before, { angle, factor, from, to }) {
  const [cos, sin] = [factor * Math.cos(angle), factor * Math.sin(angle)];
  const places = before.map(({ place: [x, y] }) => {
    const [dx, dy] = [x - from[0], y - from[1]];
    return [to[0] + cos * dx - sin * dy, to[1] + sin * dx + cos * dy];
  });
  const xs = places.map(([x]) => x);
  const ys = places.map(([, y]) => y);
  const extent = Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys));
  if (extent < MIN_FACE_PX || places.some((place, index) => isOutOfReach(place) && !isOutOfReach(before[index].place))) {
    return false;
  }
  before.forEach((record, index) => putMoved(face, index, record, clampToReach(places[index]), false));
  return true;
}

function isOutOfReach([x, y]) {
  const [heldX, heldY] = clampToReach([x, y]);
  return Math.abs(heldX - x) > 0.01 || Math.abs(heldY - y) > 0.01;
}
