// The rest of a face settles when a person fixes a point: which points say where the face is, which follow, and the
// switch for it. Points that the model put there are `settled`: no label, and free to move again.

const SETTLING_KEY = 'fkd-settling';
const PLACED = ['moved', 'confirmed'];
const MARKED = ['occluded', 'absent']; // a guess or none: they stay, and say nothing about the others

let settlePrior = { text: null, read: null }; // of the document that is open

function documentPrior() {
  const text = (editor.doc && editor.doc.settle_prior) || '';
  if (settlePrior.text !== text) settlePrior = { text, read: readPrior(text) };
  return settlePrior.read;
}

function canSettle(face) {
  const prior = documentPrior();
  return Boolean(face && prior && prior.size === 2 * pointCount() && face.spread.length === pointCount());
}

/** Move the face's free points to where the placed ones say they are. */
function settleRest(face) {
  if (!editor.settling || !canSettle(face)) return;
  const placed = face.points.map((point, index) => (PLACED.includes(face.states[index]) ? point : null));
  const settled = settledPoints(documentPrior(), face.predicted, face.spread, face.rollRad, placed);
  settled.forEach((place, index) => {
    if (!place || !FREE.includes(face.states[index])) return;
    const still = samePlace(place, face.predicted[index]);
    const point = still ? face.predicted[index].slice() : clampToReach(place);
    setPoint(face, index, { point, state: still ? 'untouched' : 'settled', place: point });
  });
}

/** What a point that was marked occluded or absent is once it is visible again: where the model put it is no label. */
function stateAtReturn(face, index) {
  const place = shownPlace(face, index);
  if (samePlace(place, face.predicted[index])) return 'untouched';
  const steps = face.undo.flatMap(({ changes }) => changes);
  const visible = steps.filter(({ index: of, before }) => of === index && !MARKED.includes(before.state));
  const last = visible.length ? visible[visible.length - 1].before : null;
  return last && last.state === 'settled' && samePlace(last.place, place) ? 'settled' : 'moved';
}

/** On: the face settles at once. Off: what had settled goes back to the prediction. Either is one step to undo. */
function toggleSettling() {
  if (!documentPrior()) return;
  editor.settling = !editor.settling;
  remember(SETTLING_KEY, editor.settling ? 'on' : 'off');
  const face = currentFace();
  if (canSettle(face) && applyChanges(face, editor.settling ? [] : unsettledPoints(face))) finishEdit();
  showNote(editor.settling ? 'Fix one, the rest settle.' : 'What you do not move stays where it is.');
  draw();
}

function unsettledPoints(face) {
  return face.predicted.flatMap((point, index) => {
    return face.states[index] === 'settled' ? [{ index, point: point.slice(), state: 'untouched' }] : [];
  });
}
