// Photos that were left while their saves were on the way. Until those are answered, the browser keeps their points.

const left = new Map(); // doc_id → {name, key, saves: rev of the save by face, rest: what else was kept, failed}

/** Another photo takes the place of this one. */
function leaveBehind() {
  if (!editor.doc) return;
  const { doc_id: docId, photo_name: name } = editor.doc;
  const awaited = editor.faces.filter(isAwaited);
  if (!awaited.length) return;
  const revs = new Map(awaited.map((face) => [face.faceId, Math.max(...face.pending.keys())]));
  left.set(docId, { name, key: draftKey(), saves: revs, rest: offered.faces.concat(wanted), failed: false });
  setTimeout(() => {
    if (left.has(docId)) leftFailed(docId);
  }, ANSWER_MS);
}

/** Who has gone back to a photo sees there what was kept of it; a save that is on its way still is as good as done. */
function comeBack() {
  const mine = Array.from(left).filter(([, { key }]) => key && key === draftKey());
  mine.filter(([, { failed }]) => failed).forEach(([docId]) => left.delete(docId));
  if (mine.some(([, { failed }]) => !failed) && offered.faces.length) restoreOffered();
}

/** An answer for a photo that the person has left since: it must not bring that photo back. */
function takeLate({ doc_id: docId, faces }) {
  if (left.has(docId)) leftSaved(docId, faces);
  publish();
}

function leftSaved(docId, faces) {
  const { key, saves, rest } = left.get(docId);
  faces.filter((raw) => raw.saved_rev >= saves.get(raw.face_id)).forEach((raw) => saves.delete(raw.face_id));
  if (key === draftKey()) takeOver(faces);
  if (saves.size) return;
  left.delete(docId);
  if (key !== draftKey()) writeDraft(rest, key);
  drawLeft();
}

/** Who went back to the photo before the answer has there what they saved: it counts as saved from now on. */
function takeOver(faces) {
  faces.filter(({ saved_id: savedId }) => savedId).forEach((raw) => {
    const face = faceOfDraft({ box: raw.box_xyxy.map(Number) });
    if (!face || face.savedId) return;
    face.savedId = raw.saved_id;
    face.baseline = copyEdit(openFace(raw, face.number, pointCount()));
  });
  keepDraft();
  draw();
}

function leftFailed(docId) {
  left.get(docId).failed = true;
  checkConnection();
  draw();
}

function drawLeft() {
  const names = Array.from(left.values()).filter(({ failed }) => failed).map(({ name }) => name);
  find('.fkd-left').hidden = !names.length;
  if (!names.length) return;
  const kept = names.length === 1 ? ' was not saved. Its points are' : ' were not saved. Their points are';
  setText(find('.fkd-left-text'), names.join(', ') + kept + ' kept in this browser: go back, and save again.');
}
