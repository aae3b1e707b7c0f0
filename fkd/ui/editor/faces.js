// The faces of a photo: which one is edited, and taking a wrongly found one away. Like any step, that can be undone:
// undo and redo go by the order in which things were done, on the face and among the faces.

let broughtBack = []; // removals that were undone, the latest last

/** The faces on the page and those that were removed from it, which may come back. */
function allFaces() {
  return editor.faces.concat(editor.removals.map(({ face }) => face));
}

function selectFace(index) {
  if (index === editor.faceIndex || !editor.faces[index]) return;
  editor.faceIndex = index;
  choose([]);
  editor.hoverIndex = -1;
  publish();
  draw();
}

function stepFace(direction) {
  const count = editor.faces.length;
  if (count < 2) return;
  selectFace((editor.faceIndex + direction + count) % count);
  const [left, top, right, bottom] = currentFace().box;
  if (remembered(OPENS_AT_KEY) === 'face') fitFace(currentFace());
  else if (viewScale()) bringIntoView([(left + right) / 2, (top + bottom) / 2]);
  draw();
}

function selectById(faceId) {
  const index = editor.faces.findIndex((face) => face.faceId === faceId);
  if (index !== editor.faceIndex || currentFace()?.faceId !== faceId) choose([]);
  editor.faceIndex = Math.max(index, 0);
  editor.hoverIndex = -1;
}

/** The selected face is none: it goes from the page, and what was saved of it is taken back. */
function removeFace() {
  const face = currentFace();
  if (!face || !canTakeAway(face)) return;
  const wasSaved = hasSaves(face);
  takeAway({ face, index: editor.faceIndex, at: nextStep() });
  broughtBack = [];
  if (wasSaved) takeBack(face, true);
  finishEdit();
  showNote('Face ' + face.number + ' removed' + (wasSaved ? ', its save taken back' : '') + '. Ctrl+Z brings it back.');
}

/** Whether something of the face is saved, or on its way. */
function hasSaves(face) {
  return Boolean(face.savedId) || face.pending.size > 0;
}

function canTakeAway(face) {
  if (!hasSaves(face) || !isLost()) return true;
  showHint('This face is saved, and without a connection its save cannot be taken back. Try again later.');
  return false;
}

function takeAway(removal) {
  editor.removals.push(removal);
  editor.faces = editor.faces.filter((face) => face !== removal.face);
  editor.faceIndex = Math.min(removal.index, Math.max(editor.faces.length - 1, 0));
  choose([]);
  editor.hoverIndex = -1;
}

function bringBack() {
  const removal = editor.removals.pop();
  broughtBack.push(removal);
  const index = Math.min(removal.index, editor.faces.length);
  editor.faces.splice(index, 0, removal.face);
  editor.faceIndex = index;
  choose([]);
}

/** A new step was made: what had been undone before cannot be done again. */
function forgetBroughtBack() {
  broughtBack = [];
}

function lastStepAt(list) {
  return list.length ? list[list.length - 1].at : null;
}

/** Whether the last thing that was done is the removal of a face. */
function isRemovalLast() {
  const face = currentFace();
  return editor.removals.length > 0 && lastStepAt(editor.removals) > ((face && lastStepAt(face.undo)) ?? -1);
}

/** Whether the first thing to do again is the removal of a face. */
function isRemovalNext() {
  const face = currentFace();
  return broughtBack.length > 0 && lastStepAt(broughtBack) < ((face && lastStepAt(face.redo)) ?? Infinity);
}

function canUndo() {
  return isRemovalLast() || Boolean(currentFace() && currentFace().undo.length);
}

function canRedo() {
  return isRemovalNext() || Boolean(currentFace() && currentFace().redo.length);
}

function undo() {
  if (!canUndo()) return;
  if (isRemovalLast()) bringBack();
  else undoStep(currentFace());
  finishEdit();
}

function redo() {
  if (!canRedo()) return;
  if (isRemovalNext()) redoRemoval();
  else redoStep(currentFace());
  finishEdit();
}

function redoRemoval() {
  const removal = broughtBack[broughtBack.length - 1];
  if (!canTakeAway(removal.face)) return;
  takeAway({ ...broughtBack.pop(), index: editor.faces.indexOf(removal.face) });
  if (hasSaves(removal.face)) takeBack(removal.face, true);
}
