// From photo to photo. The editor itself asks what becomes of unsaved points when another photo comes in.

const STEP_MS = 5000; // after this long a step counts as unanswered
const RENEW_MS = 60000; // how often the server is told that somebody works on a photo

let askedAt = -Infinity;
let asked = 0; // number of the step that was asked for last
let shown = null; // the document that was shown at once when it was asked for, until the server's word on it
let pressed = null; // what the person wanted next in the meantime
let askedAheadOf = ''; // what the queue was like when it was last asked what comes next
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
  if (isAnswerMissing(() => step(back)) || isLost()) return;
  askedAt = performance.now();
  asked += 1;
  shown = back ? null : showNext();
  if (shown) {
    draw();
    requestAnimationFrame(showWork);
  }
  trigger('step', { back, shown: shown ? shown.doc_id : '', number: asked });
}

/** Whether a step is not answered yet; `action` is for the photo that is on the screen already, and done after that. */
function isAnswerMissing(action) {
  const isLate = performance.now() - askedAt >= STEP_MS;
  if (!shown) return !isLate;
  pressed = action;
  if (isLate && !isLost()) { // the server may never have heard; it takes a step that it hears of twice for one
    askedAt = performance.now();
    trigger('step', { back: false, shown: shown.doc_id, number: asked });
  }
  return true;
}

/** Have at hand what comes next, unless it is not known yet what that is, or that there is none. */
function askAhead() {
  if (view.offered || !isActive() || (view.waiting && !view.name) || performance.now() - askedAt < STEP_MS) return;
  const now = JSON.stringify([view.name, view.shown, view.counts, view.waiting]);
  if (now === askedAheadOf) return;
  askedAheadOf = now;
  ask('ahead', {});
}

function isNextReady() {
  return Boolean(next) && next.doc_id === view.offered;
}

/** Show what comes next at once, if it is at hand and the editor takes it. The server's word counts. */
function showNext() {
  if (!isNextReady() || next.image.url === shownPicture()) return null; // it is there already: a step failed
  const offer = new CustomEvent('fkd-next', { detail: next, cancelable: true });
  if (!editorRoot() || editorRoot().dispatchEvent(offer)) return null;
  return next;
}

/** The step was answered, or failed; returns what the person wanted next in the meantime, if that is still meant so. */
function answered() {
  const action = shown && shownPicture() === shown.image.url ? pressed : null;
  askedAt = -Infinity;
  shown = null;
  pressed = null;
  return action;
}

function shownPicture() {
  return editorRoot()?.querySelector('.fkd-photo').getAttribute('href');
}

/** Save the face as it stands; then the photo's next face that is not saved, or the next photo. */
function saveAndNext() {
  const editor = editorRoot();
  if (!editor || isAsking(editor) || isAnswerMissing(saveAndNext) || !view.name) return;
  if (isLost()) {
    editor.dispatchEvent(new CustomEvent('fkd-save')); // says that it cannot
    return;
  }
  const picture = shownPicture();
  if (picture !== acceptedOf) accepted = new Set();
  acceptedOf = picture;
  const faces = Array.from(editor.querySelectorAll('[data-face]'));
  const here = faces.findIndex((face) => face.classList.contains('fkd-face-selected'));
  if (here >= 0) accepted.add(faces[here].dataset.number);
  const away = faces.slice(here + 1).concat(faces.slice(0, Math.max(here, 0))).findIndex(isOpen);
  editor.dispatchEvent(new CustomEvent('fkd-save'));
  if (away < 0) step(false); // the save need not be waited for
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
  if (isLost()) return; // told of with the first work after that
  renewedAt = performance.now();
  trigger('renew', {});
}

/** A photo was opened: its keys work from here on, and as much of it as can be is in sight. */
function showWork() {
  const editor = editorRoot();
  if (!editor || root.offsetParent === null) return;
  if (document.activeElement === document.body) editor.querySelector('.fkd-stage').focus({ preventScroll: true });
  const isInSight = root.getBoundingClientRect().top >= 0 && editor.getBoundingClientRect().bottom <= window.innerHeight;
  if (!isInSight) root.scrollIntoView({ block: 'start' });
}

/** The server does not know that the person is at the photo on the screen: the next step tells it. */
function stepFailed() {
  answered();
  saveFailed();
}

/** A save came to nothing: the faces count as not saved again. */
function saveFailed() {
  accepted = new Set();
}
