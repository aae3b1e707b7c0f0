// Between the browser and Python. The state lives here; a value from the server is merged into it and can never undo
// what the person did since.

const unanswered = new Set(); // of "doc_id rev", what the server was asked. One answer can swallow another's value.

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
  keepDraft();
  draw();
}

/** Ask the server for something; its answer is a value that carries the rev of the question. */
function ask(what, detail) {
  const { doc: { doc_id: docId }, rev } = editor;
  unanswered.add(docId + ' ' + rev);
  trigger(what, { doc_id: docId, rev, ...detail });
  publish(); // a rev of its own to every question, and a value from which the answer differs, so that it is noticed
}

function addFace(box) {
  editor.awaitedBox = box;
  editor.awaitedRev = editor.rev;
  showHint('Looking for the keypoints…');
  ask('add_face', { box_xyxy: box });
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
  if (!isBusy()) mergeWaiting();
}

function mergeWaiting() {
  const values = editor.waiting;
  editor.waiting = [];
  values.forEach(merge);
}

function merge(value) {
  if (!value || !value.doc_id) {
    moveOn(null);
    return;
  }
  const isAnswer = unanswered.delete(value.doc_id + ' ' + value.rev);
  if (!editor.doc || editor.doc.doc_id !== value.doc_id) (isAnswer ? takeLate : moveOn)(value);
  else if (pointCount() === value.names.length) mergeFaces(value);
  else moveOn(value);
}

/** Another photo: nothing of the old one stays. */
function load(value) {
  leaveBehind();
  gesture = null;
  nextPhoto = null;
  const { faces = [], selected = 0, rev = 0, ...doc } = value || {};
  editor.doc = value ? doc : null;
  editor.faces = faces.map((raw, index) => openFace(raw, index + 1, doc.names.length));
  editor.faceIndex = Math.min(Math.max(selected, 0), Math.max(faces.length - 1, 0));
  editor.rev = rev;
  editor.serverRev = rev;
  editor.awaitedBox = null;
  editor.removals = [];
  editor.refused = false;
  connection.restarted = false;
  broughtBack = [];
  editor.hoverIndex = -1;
  choose([]);
  setTool('');
  find('.fkd-help').hidden = true;
  drawPhoto();
  if (value) fitAsBefore(currentFace());
  offerDraft();
  comeBack();
  keepOpen();
  restoreReopened();
  checkConnection();
  draw();
}

/** The same photo: edits and history stay, ids of saved rows are taken over, faces are added and removed. */
function mergeFaces(value) {
  const stale = value.rev < editor.serverRev; // overtaken by a later answer
  editor.serverRev = Math.max(editor.serverRev, value.rev);
  const selectedId = currentFace() && currentFace().faceId;
  const removed = editor.removals.map(({ face }) => face);
  const known = new Map(allFaces().map((face) => [face.faceId, face]));
  value.faces.filter((raw) => known.has(raw.face_id)).forEach((raw) => takeSaved(known.get(raw.face_id), raw));
  if (!stale) {
    const faces = value.faces.map((raw, index) => known.get(raw.face_id) || openFace(raw, index + 1, pointCount()));
    const added = faces.filter((face) => !known.has(face.faceId));
    editor.faces = faces.filter((face) => !removed.includes(face));
    selectById(added.length ? added[0].faceId : selectedId);
    if (editor.awaitedBox && (added.length || value.rev >= editor.awaitedRev)) endAwaiting();
    if (added.length) restoreAdded();
  }
  publish();
  keepDraft();
  goOnIfSaved();
  draw();
}

function endAwaiting() {
  editor.awaitedBox = null;
  clearHint();
}
