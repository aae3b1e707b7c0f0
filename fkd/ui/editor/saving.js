// Saving a face, and taking its last save back. Whatever comes of it, the points stay on the screen.

const ANSWER_MS = 15000; // after this long a save counts as unanswered

function save() {
  if (gesture) finishGesture();
  const face = currentFace();
  if (!face || isSaved(face)) return;
  saveFace(face);
  draw();
}

function saveFace(face) {
  if (isBeingSaved(face) || isOffline('saved')) return;
  const { rev } = editor;
  const { points, states } = copyEdit(face);
  face.pending.set(rev, { points, states, since: performance.now() });
  ask('save', { face_id: face.faceId, points, states });
  setTimeout(() => saveUnanswered(face, rev), ANSWER_MS);
}

/** Without a connection nothing is sent: Gradio would reload the page as soon as the server is back. */
function isOffline(done) {
  if (!isLost()) return false;
  askAgain();
  showHint('Not ' + done + ': there is no connection. Your points are kept here; try again when it is back.');
  return true;
}

function isAwaited(face) {
  return Array.from(face.pending.values()).some(({ since }) => performance.now() - since < ANSWER_MS - 50);
}

/** Whether the face is on its way to the server just as it stands. */
function isBeingSaved(face) {
  return isAwaited(face) && changedSince(face, Array.from(face.pending.values()).pop()) === 0;
}

function saveUnanswered(face, rev) {
  const sent = face.pending.get(rev);
  if (!sent || sent.since === -Infinity || isAwaited(face) || !editor.faces.includes(face)) return;
  askAgain();
  showHint('The save was not answered. Your points are still here: save again.');
  checkConnection();
  draw();
}

/** The page around says that something failed; an answer that comes all the same is still taken. */
function requestFailed({ detail }) {
  if (detail === 'step') {
    checkConnection();
    return;
  }
  left.forEach((_, docId) => leftFailed(docId));
  allFaces().forEach((face) => {
    face.takingBack = false;
    face.pending.forEach((sent) => {
      sent.since = -Infinity;
    });
  });
  editor.refused = true;
  askAgain();
  if (editor.awaitedBox) endAwaiting();
  checkConnection();
  draw();
}

function canUndoSave(face) {
  return Boolean(face && face.savedId) && !face.takingBack && !isAwaited(face);
}

/** Take back the last save: a row more in the file, and the points stay as they are. */
function undoSave() {
  const face = currentFace();
  if (!canUndoSave(face) || isOffline('undone')) return;
  takeBack(face);
  draw();
}

/** The last save is taken back; every one of a face that is gone from the page. */
function takeBack(face, gone = false) {
  face.takingBack = true;
  face.takeBackRev = editor.rev;
  ask('undo_save', { face_id: face.faceId, gone });
}

/** What the server says about the saves of a face: the row in force, none after an undo, and which event it answers. */
function takeSaved(face, raw) {
  const { saved_id: savedId, saved_rev: rev } = raw;
  if (!Number.isInteger(rev) || rev <= face.savedRev) return;
  const sent = face.pending.get(rev);
  // What that save sent is what was saved; edits made since then still count as unsaved.
  if (sent) face.baseline = { points: sent.points, states: sent.states };
  else face.baseline = savedId ? copyEdit(openFace(raw, face.number, pointCount())) : predictionOf(face);
  if (!sent || rev >= face.takeBackRev) face.takingBack = false;
  Array.from(face.pending.keys()).filter((earlier) => earlier <= rev).forEach((earlier) => face.pending.delete(earlier));
  face.savedId = savedId || null;
  face.savedRev = rev;
  editor.refused = false;
  if (editor.faces.includes(face)) clearHint();
}
