// Unsaved points come back: offered when their photo is opened again after a reload or a crash, and taken along when
// the photo is opened anew because the server had lost it.

const SAME_FACE_IOU = 0.5;

let offered = { time: 0, faces: [] }; // drafts of this photo that were neither restored nor forgotten yet
let wanted = []; // drafts of faces that were drawn by hand: the server must find them first

function draftOf({ box, ...face }) {
  return { box, ...copyEdit(face) };
}

/** How much of a face's box and of a draft's is of both, from 0 to 1. */
function overlapOf(face, { box }) {
  const [left, top] = [Math.max(face.box[0], box[0]), Math.max(face.box[1], box[1])];
  const [right, bottom] = [Math.min(face.box[2], box[2]), Math.min(face.box[3], box[3])];
  const area = ([x0, y0, x1, y1]) => (x1 - x0) * (y1 - y0);
  const shared = Math.max(right - left, 0) * Math.max(bottom - top, 0);
  return shared / (area(face.box) + area(box) - shared);
}

/** Whether a face may be the one that a draft is of. */
function isDraftOf(face, draft) {
  return overlapOf(face, draft) > SAME_FACE_IOU;
}

/** The face that a draft is of: of several, the one that it fits best. */
function faceOfDraft(draft) {
  const may = editor.faces.filter((face) => isDraftOf(face, draft));
  return may.sort((one, other) => overlapOf(other, draft) - overlapOf(one, draft))[0];
}

/** How many points a draft would change by hand. */
function draftedCount(draft) {
  const face = faceOfDraft(draft);
  return face ? changedSince(face, draft) : draft.states.filter((state) => !FREE.includes(state)).length;
}

/** After every change: what is not saved is kept, and what was kept and waits for an answer stays. */
function keepDraft() {
  const unsaved = unsavedFaces();
  const waiting = offered.faces.concat(wanted).filter((draft) => !unsaved.some((face) => isDraftOf(face, draft)));
  writeDraft(unsaved.map(draftOf).concat(waiting));
}

/** A photo was opened. */
function offerDraft() {
  clearOldDrafts();
  const draft = editor.doc && readDraft();
  wanted = [];
  offered = draft ? { time: draft.time, faces: draft.faces.filter((face) => draftedCount(face) > 0) } : { time: 0, faces: [] };
}

function restoreOffered() {
  const { faces } = offered;
  offered = { time: 0, faces: [] };
  applyDrafts(faces);
  stage.focus({ preventScroll: true });
}

function forgetOffered() {
  offered = { time: 0, faces: [] };
  keepDraft();
  draw();
}

/** Each face becomes what its draft says, as one step to undo. */
function applyDrafts(drafts) {
  drafts.forEach((draft) => {
    const face = faceOfDraft(draft);
    if (face) applyChanges(face, draftedChanges(face, draft));
    else wanted.push(draft);
  });
  finishEdit();
  addNextWanted();
}

/** Free points are the model's, and the model may be another one by now: they go where it puts them. */
function draftedChanges(face, { points, states }) {
  const prediction = predictionOf(face);
  return states.map((state, index) => {
    const point = points[index] && clampToReach(points[index]);
    if (state === 'untouched') return { index, point: prediction.points[index], state: prediction.states[index] };
    if (state === 'settled' && !face.predicted[index]) return { index, point, state: 'moved' };
    return { index, point, state: point ? state : 'absent' };
  });
}

function addNextWanted() {
  if (wanted.length && !editor.awaitedBox && !isLost()) addFace(wanted[0].box);
}

/** The server has found a face that was asked for: its draft can be applied now. */
function restoreAdded() {
  const ready = wanted.filter(faceOfDraft);
  if (!ready.length) return;
  wanted = wanted.filter((draft) => !ready.includes(draft));
  applyDrafts(ready);
}

/** Whether a document shows the photo that is open, with the same keypoints. */
function isSamePhoto(value) {
  return Boolean(draftKey() && value) && value.photo_key === editor.doc.photo_key && value.scheme === editor.doc.scheme;
}

/** Whether the server may have lost the photo that is open. */
function isForgotten() {
  return connection.restarted || editor.refused;
}

/** The person goes on where they were: with the same points, and without the faces that they removed. */
function takeAlong(value) {
  const drafts = unsavedFaces().map(draftOf);
  const removed = editor.removals.map(({ face }) => draftOf(face));
  const selected = currentFace() && draftOf(currentFace());
  load(value);
  offered = { time: 0, faces: [] };
  applyDrafts(drafts);
  const kept = drafts.map(faceOfDraft);
  removed.map(faceOfDraft).filter((face) => face && !kept.includes(face)).forEach((face) => {
    takeAway({ face, index: editor.faces.indexOf(face), at: nextStep() });
  });
  selectById(selected && faceOfDraft(selected)?.faceId);
  publish();
  draw();
  if (drafts.length) showNote('Your unsaved points came along: save them now.');
}

function drawOffer() {
  const count = offered.faces.reduce((sum, draft) => sum + draftedCount(draft), 0);
  find('.fkd-restore').hidden = count === 0;
  if (!count) return;
  const points = count + (count === 1 ? ' unsaved point' : ' unsaved points');
  setText(find('.fkd-restore-text'), points + ' of this photo from ' + agoText(Date.now() - offered.time) + '.');
}

function agoText(ms) {
  const minutes = Math.round(ms / 60000);
  if (!(minutes >= 1)) return 'a moment ago';
  if (minutes < 60) return minutes + (minutes === 1 ? ' minute ago' : ' minutes ago');
  const hours = Math.round(minutes / 60);
  if (hours < 24) return hours + (hours === 1 ? ' hour ago' : ' hours ago');
  const days = Math.round(hours / 24);
  return days + (days === 1 ? ' day ago' : ' days ago');
}
