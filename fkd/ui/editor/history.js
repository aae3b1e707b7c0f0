// Undo and redo, without limit, per face. A step is a list of {index, before, after}; before and after are records as
// setPoint takes them.

function pointRecord(face, index) {
  return { point: face.points[index], state: face.states[index], place: shownPlace(face, index) };
}

function sameRecord(one, other) {
  return one.state === other.state && samePlace(one.point, other.point);
}

/** Do the changes {index, point, state} as one step. Returns whether anything changed. */
function applyChanges(face, changes, joinLast) {
  const step = changes.map(({ index, point, state }) => ({
    index,
    before: pointRecord(face, index),
    after: { point, state, place: point || shownPlace(face, index) },
  }));
  return recordStep(face, step, joinLast);
}

/** Take over a step whose `after` may be on the screen already, as at the end of a drag. */
function recordStep(face, step, joinLast) {
  const real = step.filter(({ before, after }) => !sameRecord(before, after));
  step.forEach(({ index, after }) => setPoint(face, index, after));
  if (real.length === 0) return false;
  const last = face.undo[face.undo.length - 1];
  if (joinLast && last && last.length === 1 && real.length === 1 && last[0].index === real[0].index) {
    last[0].after = real[0].after;
  } else {
    face.undo.push(real);
  }
  face.redo = [];
  return true;
}

function travel(face, from, to, side) {
  const step = from.pop();
  if (!step) return false;
  to.push(step);
  step.forEach((change) => setPoint(face, change.index, change[side]));
  if (step.length === 1) editor.pointIndex = step[0].index;
  return true;
}

function undoStep(face) {
  return travel(face, face.undo, face.redo, 'before');
}

function redoStep(face) {
  return travel(face, face.redo, face.undo, 'after');
}
