// Between the browser and Python. The state lives here; a value from the server is merged into it and can never undo
// what the person did since.

const ANSWER_MS = 15000; // after this long a save counts as unanswered
const lateAnswers = new Map(); // doc_id of a photo that was left → how many answers for it are still to come

/** Put the state into the component's value, as a new object so that Gradio takes notice. */
function publish() {
  editor.rev += 1;
  props.value = editor.doc && {
    ...editor.doc,
    rev: editor.rev,
    selected: editor.faceIndex,
    faces: editor.faces.map((face) => ({
      face_id: face.faceId,
      box_xyxy: face.box,
      score: face.score,
      predicted: face.predicted,
      confidence: face.confidence,
      saved_id: face.savedId,
      saved_rev: face.savedRev,
      spread: face.spread,
      roll_rad: face.rollRad,
      ...copyEdit(face),
    })),
  };
}

/** After every change a person made. */
function finishEdit() {
  publish();
  trigger('edit', { doc_id: editor.doc.doc_id, rev: editor.rev });
  draw();
}

function save() {
  if (gesture) finishGesture();
  const face = currentFace();
  if (!face || isSaved(face)) return;
  saveFace(face);
  draw();
}

function saveFace(face) {
  if (isBeingSaved(face)) return;
  const { rev } = editor;
  const { points, states } = copyEdit(face);
  face.pending.set(rev, { points, states, since: performance.now() });
  trigger('save', { doc_id: editor.doc.doc_id, face_id: face.faceId, rev, points, states });
  // The answer carries the rev of the save; moving on makes it differ from our value, so that it is noticed.
  publish();
  setTimeout(() => saveUnanswered(face, rev), ANSWER_MS);
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
  draw();
}

/** The page around says that a save or a new face failed; an answer that comes all the same is still taken. */
function requestFailed() {
  editor.faces.forEach(({ pending }) => pending.forEach((sent) => {
    sent.since = -Infinity;
  }));
  askAgain();
  if (editor.awaitedBox) endAwaiting();
  draw();
}

function addFace(box) {
  editor.awaitedBox = box;
  editor.awaitedRev = editor.rev;
  showHint('Looking for the keypoints…');
  trigger('add_face', { doc_id: editor.doc.doc_id, rev: editor.rev, box_xyxy: box });
  publish();
  setTimeout(() => {
    if (editor.awaitedBox !== box) return;
    endAwaiting();
    showHint('The new face was not answered. Draw its box again.');
    draw();
  }, ANSWER_MS);
  draw();
}

/** A value from the server. In mid-drag it waits until the drag is over. */
function receive() {
  editor.waiting.push(props.value);
  if (!gesture || (gesture.kind !== 'drag' && gesture.kind !== 'box')) mergeWaiting();
}

function mergeWaiting() {
  const values = editor.waiting;
  editor.waiting = [];
  values.forEach(merge);
}

function merge(value) {
  if (!value || !value.doc_id) moveOn(null);
  else if (isLate(value)) publish();
  else if (editor.doc && editor.doc.doc_id === value.doc_id && pointCount() === value.names.length) mergeFaces(value);
  else moveOn(value);
}

/** Whether a value answers for a photo that the person has left since; it must not bring that photo back. */
function isLate({ doc_id: docId }) {
  const missing = lateAnswers.get(docId) || 0;
  if (!missing || (editor.doc && editor.doc.doc_id === docId)) return false;
  lateAnswers.set(docId, missing - 1);
  return true;
}

function expectLateAnswers() {
  const saves = editor.faces.reduce((sum, face) => sum + face.pending.size, 0);
  const missing = saves + (editor.awaitedBox ? 1 : 0);
  if (editor.doc) lateAnswers.set(editor.doc.doc_id, missing);
}

/** Another photo: nothing of the old one stays. */
function load(value) {
  expectLateAnswers();
  gesture = null;
  nextPhoto = null;
  const { faces = [], selected = 0, rev = 0, ...doc } = value || {};
  editor.doc = value ? doc : null;
  editor.faces = faces.map((raw) => openFace(raw, doc.names.length));
  editor.faceIndex = Math.min(Math.max(selected, 0), Math.max(faces.length - 1, 0));
  editor.rev = rev;
  editor.serverRev = rev;
  editor.awaitedBox = null;
  editor.adding = false;
  editor.pointIndex = -1;
  editor.hoverIndex = -1;
  showHint('');
  find('.fkd-help').hidden = true;
  drawPhoto();
  if (value) fitPhoto();
  draw();
}

/** The same photo: edits and history stay, ids of saved rows are taken over, faces are added and removed. */
function mergeFaces(value) {
  const stale = value.rev < editor.serverRev; // overtaken by a later answer
  editor.serverRev = Math.max(editor.serverRev, value.rev);
  const selectedId = currentFace() && currentFace().faceId;
  const known = new Map(editor.faces.map((face) => [face.faceId, face]));
  value.faces.filter((raw) => known.has(raw.face_id)).forEach((raw) => takeSaved(known.get(raw.face_id), raw));
  if (!stale) {
    const added = value.faces.filter((raw) => !known.has(raw.face_id));
    editor.faces = value.faces.map((raw) => known.get(raw.face_id) || openFace(raw, pointCount()));
    selectById(added.length ? added[0].face_id : selectedId);
    if (editor.awaitedBox && (added.length || value.rev >= editor.awaitedRev)) endAwaiting();
  }
  publish();
  goOnIfSaved();
  draw();
}

function takeSaved(face, { saved_id: savedId, saved_rev: rev }) {
  if (!savedId || rev <= face.savedRev) return;
  const sent = face.pending.get(rev);
  // What that save sent is what was saved; edits made since then still count as unsaved.
  if (sent) face.baseline = { points: sent.points, states: sent.states };
  Array.from(face.pending.keys()).filter((earlier) => earlier <= rev).forEach((earlier) => face.pending.delete(earlier));
  face.savedId = savedId;
  face.savedRev = rev;
  showHint('');
}

function selectById(faceId) {
  const index = editor.faces.findIndex((face) => face.faceId === faceId);
  if (index !== editor.faceIndex || currentFace()?.faceId !== faceId) editor.pointIndex = -1;
  editor.faceIndex = Math.max(index, 0);
  editor.hoverIndex = -1;
}

function endAwaiting() {
  editor.awaitedBox = null;
  showHint('');
}
