// Buttons, the line about the selected point, the line about saving, hints and the help.

const BUTTON_ACTIONS = {
  undo: () => undo(),
  redo: () => redo(),
  'reset-face': () => resetFace(),
  'zoom-in': () => zoomStep(ZOOM_STEP),
  'zoom-out': () => zoomStep(1 / ZOOM_STEP),
  'fit-face': () => showFace(),
  'fit-photo': () => showPhoto(),
  'add-face': () => setAdding(!editor.adding),
  settle: () => toggleSettling(),
  help: () => showHelp(true),
  'close-help': () => showHelp(false),
  'previous-face': () => stepFace(-1),
  'next-face': () => stepFace(1),
  colours: () => toggleColours(),
  confirm: () => confirmPoint(),
  cycle: () => cycleState(),
  'reset-point': () => resetPoint(),
  save: () => save(),
  'leave-save': () => saveAndGoOn(),
  'leave-discard': () => goOn(),
  'leave-keep': () => keepEditing(),
};

const button = (action) => find('[data-action="' + action + '"]');

function buttonClicked(event) {
  const pressed = event.target.closest('[data-action]');
  if (pressed && !pressed.disabled) BUTTON_ACTIONS[pressed.dataset.action]();
}

/** A click on a button leaves the focus on the photo, so that the keys go on working. */
function buttonPressed(event) {
  if (event.target.closest('[data-action]')) event.preventDefault();
}

function drawControls() {
  const face = currentFace();
  const index = editor.pointIndex;
  const state = face && index >= 0 ? face.states[index] : null;
  button('undo').disabled = !face || face.undo.length === 0;
  button('redo').disabled = !face || face.redo.length === 0;
  button('reset-face').disabled = !face;
  button('fit-face').disabled = !face;
  button('add-face').setAttribute('aria-pressed', String(editor.adding));
  button('settle').setAttribute('aria-pressed', String(editor.settling));
  button('settle').hidden = !documentPrior();
  button('confirm').disabled = !FREE.includes(state);
  button('cycle').disabled = !state;
  button('reset-point').disabled = !state;
  button('save').disabled = !face || isSaved(face);
  stage.classList.toggle('fkd-adding', editor.adding);
  find('.fkd-faces').hidden = editor.faces.length < 2;
  setText(find('.fkd-face-count'), editor.faceIndex + 1 + ' / ' + editor.faces.length);
  setText(find('.fkd-point-text'), selectionText(face, index));
  drawStatus(face);
  drawLeaving();
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function selectionText(face, index) {
  if (!face) return 'No face yet: draw a box round one with "Add face".';
  if (index < 0) return 'Drag a point to put it right.';
  const point = face.points[index];
  const place = point ? ' · ' + point.map((value) => value.toFixed(1)).join(', ') : '';
  return pointText(face, index) + ' · ' + face.states[index] + place;
}

function isSaved(face) {
  return Boolean(face.savedId) && unsavedCount(face) === 0;
}

function drawStatus(face) {
  const status = find('.fkd-status');
  const total = unsavedTotal();
  root.dataset.unsaved = String(total);
  status.dataset.kind = face && isSaved(face) ? 'saved' : total ? 'unsaved' : 'none';
  setText(status, statusText(face));
}

function statusText(face) {
  if (!face) return '';
  const others = unsavedFaces().filter((each) => each !== face).length;
  const more = others ? ' · ' + others + (others === 1 ? ' other face' : ' other faces') + ' not saved' : '';
  if (isAwaited(face)) return 'Saving…' + more;
  const count = unsavedCount(face);
  if (count) return count + (count === 1 ? ' point' : ' points') + ' changed, not saved' + more;
  return (face.savedId ? 'Saved' : 'No changes') + more;
}

function showHint(text) {
  const hint = find('.fkd-hint');
  hint.hidden = !text;
  hint.textContent = text;
}

function isHelpOpen() {
  return !find('.fkd-help').hidden;
}

function showHelp(open) {
  find('.fkd-help').hidden = !open;
  (open ? button('close-help') : stage).focus({ preventScroll: true });
  return true;
}

/** Leaving the page with unsaved edits asks first; a later mount of the editor has its own listener. */
function askBeforeLeaving(event) {
  if (!element.isConnected) return window.removeEventListener('beforeunload', askBeforeLeaving);
  if (unsavedFaces().length) event.preventDefault();
  return undefined;
}
