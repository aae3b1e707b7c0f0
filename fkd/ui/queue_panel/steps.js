// From photo to photo. The editor itself asks what becomes of unsaved points when another photo comes in.

const STEP_MS = 5000; // after this long a step counts as unanswered

const RENEW_MS = 60000; // how often the server is told that somebody works on a photo

let askedAt = -Infinity;
let renewedAt = -Infinity;
let accepted = new Set(); // faces of the open photo that were saved by "Save and next", and may be on their way
let acceptedOf = ''; // the picture that they are in

const editorRoot = () => document.querySelector('[data-testid="fkd-editor"]');

function step(back) {
  if (performance.now() - askedAt < STEP_MS) return;
  askedAt = performance.now();
  trigger('step', { back });
}

function answered() {
  askedAt = -Infinity;
}

/** Save the face as it stands; then the photo's next face that is not saved, or the next photo. */
function saveAndNext() {
  const editor = editorRoot();
  if (!editor || !view.name || isAsking(editor) || performance.now() - askedAt < STEP_MS) return;
  const picture = editor.querySelector('.fkd-photo').getAttribute('href');
  if (picture !== acceptedOf) accepted = new Set();
  acceptedOf = picture;
  const faces = Array.from(editor.querySelectorAll('[data-face]'));
  const here = faces.findIndex((face) => face.classList.contains('fkd-face-selected'));
  if (here >= 0) accepted.add(here);
  const steps = faces.map((_, count) => count).filter((count) => count > 0 && isOpen(faces, (here + count) % faces.length));
  if (!steps.length) step(false); // asked for first: the save need not be waited for
  editor.dispatchEvent(new CustomEvent('fkd-save'));
  if (steps.length) clickNextFace(editor, steps[0]);
}

function isOpen(faces, index) {
  return faces[index].dataset.saved !== 'true' && !accepted.has(index);
}

function clickNextFace(editor, times) {
  for (let count = 0; count < times; count += 1) editor.querySelector('[data-action="next-face"]').click();
}

/** Whether the editor waits for an answer about unsaved points. */
function isAsking(editor) {
  const asks = editor.querySelector('.fkd-leave');
  return Boolean(asks) && !asks.hidden;
}

/** Somebody works in the editor: the photo stays theirs. */
function atWork(event) {
  if (!element.isConnected || !view || !view.name || performance.now() - renewedAt < RENEW_MS) return;
  if (!event.target.closest || !event.target.closest('[data-testid="fkd-editor"]')) return;
  renewedAt = performance.now();
  trigger('renew', {});
}

/** A save came to nothing: the faces count as not saved again. */
function saveFailed() {
  accepted = new Set();
}
