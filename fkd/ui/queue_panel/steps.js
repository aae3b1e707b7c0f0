// From photo to photo. The editor itself asks what becomes of unsaved points when another photo comes in.

const STEP_MS = 5000; // after this long a step counts as unanswered
const RENEW_MS = 60000; // how often the server is told that somebody works on a photo

let askedAt = -Infinity;
let renewedAt = -Infinity;
let accepted = new Set(); // numbers of the faces of the open photo that were saved by "Save and next", and may be on their way
let acceptedOf = ''; // the picture that they are in

const editorRoot = () => document.querySelector('[data-testid="fkd-editor"]');

/** Whether the editor says that the connection is lost: then nothing is asked of the server. */
function isLost() {
  const editor = editorRoot();
  return Boolean(editor) && editor.dataset.connection === 'lost';
}

function ask(name, data) {
  if (!isLost()) trigger(name, data);
}

function step(back) {
  if (performance.now() - askedAt < STEP_MS || isLost()) return;
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
  if (isLost()) {
    editor.dispatchEvent(new CustomEvent('fkd-save')); // says that it cannot
    return;
  }
  const picture = editor.querySelector('.fkd-photo').getAttribute('href');
  if (picture !== acceptedOf) accepted = new Set();
  acceptedOf = picture;
  const faces = Array.from(editor.querySelectorAll('[data-face]'));
  const here = faces.findIndex((face) => face.classList.contains('fkd-face-selected'));
  if (here >= 0) accepted.add(faces[here].dataset.number);
  const away = faces.slice(here + 1).concat(faces.slice(0, Math.max(here, 0))).findIndex(isOpen);
  if (away < 0) step(false); // asked for first: the save need not be waited for
  editor.dispatchEvent(new CustomEvent('fkd-save'));
  for (let count = 0; count <= away; count += 1) editor.querySelector('[data-action="next-face"]').click();
}

function isOpen({ dataset }) {
  return dataset.saved !== 'true' && !accepted.has(dataset.number);
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
  ask('renew', {});
}

/** A photo was opened: its keys work from here on, and as much of it as can be is in sight. */
function showWork() {
  const editor = editorRoot();
  if (!editor || root.offsetParent === null) return;
  if (document.activeElement === document.body) editor.querySelector('.fkd-stage').focus({ preventScroll: true });
  const isInSight = root.getBoundingClientRect().top >= 0 && editor.getBoundingClientRect().bottom <= window.innerHeight;
  if (!isInSight) root.scrollIntoView({ block: 'start' });
}

/** A save came to nothing: the faces count as not saved again. */
function saveFailed() {
  accepted = new Set();
}
