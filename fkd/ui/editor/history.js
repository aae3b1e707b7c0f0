// Undo and redo, without limit, per face. A step is {at, changes}: `at` says which step of all it was, `changes` are a
// list of {index, before, after}; before and after are records as setPoint takes them.

let stepCount = 0;

function nextStep() {
  stepCount += 1;
  return stepCount;
}

function pointRecord(face, index) {
  return { point: face.points[index], state: face.states[index], place: shownPlace(face, index) };
}

function sameRecord(one, other) {
  return one.state === other.state && samePlace(one.point, other.point) && samePlace(one.place, other.place);
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
  const changes = before
    .map((record, index) => ({ index, before: record, after: pointRecord(face, index) }))
    .filter(({ before: earlier, after }) => !sameRecord(earlier, after));
  if (changes.length === 0) return false;
  const last = face.undo[face.undo.length - 1];
  if (joinLast && last && madeAlike(last.changes, changes)) joinChanges(last.changes, changes);
  else face.undo.push({ at: nextStep(), changes });
  face.redo = [];
  forgetBroughtBack();
  return true;
}

/** The points of a step that a person changed; the others settled. */
function handMade(changes) {
  return changes
    .filter(({ before, after }) => !FREE.includes(before.state) || !FREE.includes(after.state))
    .map(({ index }) => index);
}

/** Whether a person changed the same points in both. */
function madeAlike(changes, later) {
  const made = handMade(changes);
  return made.length > 0 && made.join() === handMade(later).join();
}

/** Let one step of undo take back both. */
function joinChanges(changes, later) {
  later.forEach((change) => {
    const earlier = changes.find(({ index }) => index === change.index);
    if (earlier) earlier.after = change.after;
    else changes.push(change);
  });
}

function travel(face, from, to, side) {
  const step = from.pop();
  if (!step) return false;
  to.push(step);
  step.changes.forEach((change) => setPoint(face, change.index, change[side]));
  const made = handMade(step.changes);
  if (made.length === 1) choose(made);
  return true;
}

function undoStep(face) {
  return travel(face, face.undo, face.redo, 'before');
}

function redoStep(face) {
  return travel(face, face.redo, face.undo, 'after');
}
