// Undo and redo, without limit, per face. A step is a list of {index, before, after}; before and after are records as
// setPoint takes them.

function pointRecord(face, index) {
  return { point: face.points[index], state: face.states[index], place: shownPlace(face, index) };
}

function sameRecord(one, other) {
  return one.state === other.state && samePlace(one.point, other.point);
}

function allRecords(face) {
  return face.points.map((_, index) => pointRecord(face, index));
}

/** Do the changes {index, point, state} and let the rest settle, as one step. Returns whether anything changed. */
function applyChanges(face, changes, joinLast) {
  const before = allRecords(face);
  changes.forEach(({ index, point, state }) => {
    setPoint(face, index, { point, state, place: point || shownPlace(face, index) });
  });
  settleRest(face);
  return recordStep(face, before, joinLast);
}

/** Make a step of all that has changed since `before`, the records of all points, as at the end of a drag. */
function recordStep(face, before, joinLast) {
  const step = before
    .map((record, index) => ({ index, before: record, after: pointRecord(face, index) }))
    .filter(({ before: earlier, after }) => !sameRecord(earlier, after));
  if (step.length === 0) return false;
  const last = face.undo[face.undo.length - 1];
  if (joinLast && last && handMade(last) >= 0 && handMade(last) === handMade(step)) joinSteps(last, step);
  else face.undo.push(step);
  face.redo = [];
  return true;
}

/** The one point of a step that a person changed, -1 if there are several; the others settled. */
function handMade(step) {
  const byHand = step.filter(({ before, after }) => !FREE.includes(before.state) || !FREE.includes(after.state));
  return byHand.length === 1 ? byHand[0].index : -1;
}

/** Let one step of undo take back both. */
function joinSteps(step, next) {
  next.forEach((change) => {
    const earlier = step.find(({ index }) => index === change.index);
    if (earlier) earlier.after = change.after;
    else step.push(change);
  });
}

function travel(face, from, to, side) {
  const step = from.pop();
  if (!step) return false;
  to.push(step);
  step.forEach((change) => setPoint(face, change.index, change[side]));
  if (handMade(step) >= 0) editor.pointIndex = handMade(step);
  return true;
}

function undoStep(face) {
  return travel(face, face.undo, face.redo, 'before');
}

function redoStep(face) {
  return travel(face, face.redo, face.undo, 'after');
}
