// The keyboard. Keys that a page also uses (Tab, arrows, letters) count only while the photo itself has the focus.
// D, F, S, Q, the digits from 1 on and Ctrl with Enter are left to the page around.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ZOOM_STEP = 1.4;

const KEY_ACTIONS = {
  Enter: () => confirmPoints(),
  o: () => cycleState(),
  r: () => resetPoints(),
  x: () => flipFace(),
  t: () => toggleWalk(),
  m: () => toggleTool('select'),
  w: () => toggleTool('whole'),
  a: () => toggleTool('add'),
  c: () => toggleColours(),
  g: () => toggleSettling(),
  l: () => showLight(!isLightOpen()),
  b: () => setLight('brightness', light.brightness * LIGHT_STEP),
  k: () => setLight('contrast', light.contrast * LIGHT_STEP),
  h: () => hidePoints(true),
  v: () => showFace(),
  0: () => showPhoto(),
  '+': () => zoomStep(ZOOM_STEP),
  '=': () => zoomStep(ZOOM_STEP),
  '-': () => zoomStep(1 / ZOOM_STEP),
  '[': () => stepFace(-1),
  ']': () => stepFace(1),
};
const SHIFT_ACTIONS = {
  Delete: () => removeFace(),
  b: () => setLight('brightness', light.brightness / LIGHT_STEP),
  k: () => setLight('contrast', light.contrast / LIGHT_STEP),
};

function keyDown(event) {
  if (!editor.doc) return;
  const handled = isHelpOpen() ? helpKey(event) : commandKey(event) || (event.target === stage && stageKey(event));
  if (!handled) return;
  event.preventDefault();
  event.stopPropagation();
}

/** Ctrl or Cmd with a letter, wherever in the editor the focus is. */
function commandKey(event) {
  if (event.key === '?') return showHelp(true);
  if (event.key === 'Escape') return escape();
  if (!(event.ctrlKey || event.metaKey) || event.altKey) return false;
  const key = event.key.toLowerCase();
  if (!['z', 'y', 's'].includes(key)) return false;
  if (gesture) finishGesture();
  if (key === 's') save();
  else if (key === 'z' && !event.shiftKey) undo();
  else redo();
  return true;
}

function stageKey(event) {
  if (event.key === 'Alt') return true; // some browsers would open their menu
  if ((event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === 'a') {
    chooseAll();
    return true;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key === ' ') {
    spaceHeld = true;
    return true;
  }
  endTurn();
  if (gesture) return event.key !== 'Tab'; // no second change while one is being made
  if (event.key === 'Tab') return stepPoint(event.shiftKey ? -1 : 1);
  const arrow = ARROWS[event.key];
  if (arrow) return arrowKey(arrow, event);
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const action = (event.shiftKey && SHIFT_ACTIONS[key]) || KEY_ACTIONS[key];
  if (!action) return false;
  action();
  return true;
}

function arrowKey([dx, dy], { shiftKey, repeat }) {
  if (!canNudge()) return false;
  const step = shiftKey ? 10 : 1;
  nudge(dx * step, dy * step, repeat);
  return true;
}

/** One thing at a time: the gesture, the tool, the panel, the selection of several, then the focus. */
function escape() {
  if (gesture) cancelGesture();
  else if (editor.tool) setTool('');
  else if (isLightOpen()) showLight(false);
  else if (editor.chosen.size) selectPoint(-1);
  else root.contains(document.activeElement) && document.activeElement.blur();
  return true;
}

function helpKey(event) {
  if (event.key === 'Escape' || event.key === '?') showHelp(false);
  // The close button is all there is to focus in the help.
  return ['Escape', '?', 'Tab'].includes(event.key);
}

function keyUp(event) {
  if (event.key === ' ') spaceHeld = false;
  if (event.key.toLowerCase() === 'h') hidePoints(false);
  if (event.key !== 'Alt') return;
  event.preventDefault();
  endTurn();
}

/** Keys that are let go elsewhere are not heard here. */
function letGoOfKeys() {
  spaceHeld = false;
  hidePoints(false);
  endTurn();
}
