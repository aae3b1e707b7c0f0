// Buttons, the line about the selected points and the line about saving.

const BUTTON_ACTIONS = {
  undo: () => undo(),
  redo: () => redo(),
  'reset-face': () => resetFace(),
  'zoom-in': () => zoomStep(ZOOM_STEP),
  'zoom-out': () => zoomStep(1 / ZOOM_STEP),
  'fit-face': () => showFace(),
  'fit-photo': () => showPhoto(),
  select: () => toggleTool('select'),
  whole: () => toggleTool('whole'),
  flip: () => flipFace(),
  'add-face': () => toggleTool('add'),
  'remove-face': () => removeFace(),
  settle: () => toggleSettling(),
  light: () => showLight(!isLightOpen()),
  'reset-light': () => resetLight(),
  peek: () => undefined, // held, not clicked: see light.js
  help: () => showHelp(true),
  'close-help': () => showHelp(false),
  'previous-face': () => stepFace(-1),
  'next-face': () => stepFace(1),
  colours: () => toggleColours(),
  walk: () => toggleWalk(),
  confirm: () => confirmPoints(),
  cycle: () => cycleState(),
  'reset-point': () => resetPoints(),
  save: () => save(),
  'undo-save': () => undoSave(),
  restore: () => restoreOffered(),
  forget: () => forgetOffered(),
  'leave-save': () => saveAndGoOn(),
  'leave-discard': () => discardAndGoOn(),
  'leave-keep': () => keepEditing(),
};

const button = (action) => find('[data-action="' + action + '"]');

function buttonClicked(event) {
  const pressed = event.target.closest('[data-action]');
  if (!pressed || pressed.disabled) return;
  // The keys are for what was just done: Ctrl+Z takes it back.
  if (!root.contains(document.activeElement)) stage.focus({ preventScroll: true });
  BUTTON_ACTIONS[pressed.dataset.action]();
}

/** A click on a button leaves the focus on the photo, so that the keys go on working. */
function buttonPressed(event) {
  if (event.target.closest('[data-action]')) event.preventDefault();
}

function drawControls() {
  const face = currentFace();
  const states = face ? selectedPoints().map((index) => face.states[index]) : [];
  button('undo').disabled = !canUndo();
  button('redo').disabled = !canRedo();
  ['reset-face', 'fit-face', 'remove-face'].forEach((action) => {
    button(action).disabled = !face;
  });
  button('flip').disabled = !canFlip();
  button('settle').setAttribute('aria-pressed', String(editor.settling));
  button('settle').hidden = !documentPrior();
  button('walk').setAttribute('aria-pressed', String(editor.leastCertainFirst));
  button('confirm').disabled = !states.some((state) => FREE.includes(state));
  button('cycle').disabled = states.length === 0;
  button('reset-point').disabled = states.length === 0;
  button('save').disabled = !face || isSaved(face);
  button('undo-save').hidden = !canUndoSave(face);
  find('.fkd-faces').hidden = editor.faces.length < 2;
  setText(find('.fkd-face-count'), editor.faceIndex + 1 + ' / ' + editor.faces.length);
  setText(find('.fkd-point-text'), selectionText(face, editor.pointIndex));
  drawTools();
  drawStatus(face);
  drawConnection();
  drawLeft();
  drawOffer();
  drawLeaving();
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function selectionText(face, index) {
  if (!face) return 'No face yet: draw a box round one with "Add face".';
  if (editor.chosen.size) return editor.chosen.size + ' points selected. Esc clears.';
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
  if (face.takingBack) return 'Taking the save back…' + more;
  const count = unsavedCount(face);
  if (count) return count + (count === 1 ? ' point' : ' points') + ' changed, not saved' + more;
  return (face.savedId ? 'Saved' : 'No changes') + more;
}

/** Leaving the page with unsaved edits asks first; a later mount of the editor has its own listener. */
function askBeforeLeaving(event) {
  if (!element.isConnected) return window.removeEventListener('beforeunload', askBeforeLeaving);
  // After a lost connection Gradio reloads the page, once, and is dead if that is refused: the points come back then.
  if (connection.wasLost && draftKey() && canKeepDrafts) return undefined;
  if (unsavedFaces().length || left.size) event.preventDefault();
  return undefined;
}
