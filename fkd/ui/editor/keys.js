// The keyboard. Keys that a page also uses (Tab, arrows, letters) count only while the photo itself has the focus.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const ZOOM_STEP = 1.4;

const KEY_ACTIONS = {
  Enter: () => confirmPoint(),
  o: () => cycleState(),
  r: () => resetPoint(),
  c: () => toggleColours(),
  g: () => toggleSettling(),
  f: () => showFace(),
  0: () => showPhoto(),
  '+': () => zoomStep(ZOOM_STEP),
  '=': () => zoomStep(ZOOM_STEP),
  '-': () => zoomStep(1 / ZOOM_STEP),
  '[': () => stepFace(-1),
  ']': () => stepFace(1),
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
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (event.key === ' ') {
    spaceHeld = true;
    return true;
  }
  if (gesture) return event.key !== 'Tab'; // no second change while one is being made
  if (event.key === 'Tab') return stepPoint(event.shiftKey ? -1 : 1);
  const arrow = ARROWS[event.key];
  if (arrow) {
    if (editor.pointIndex < 0) return false;
    const step = event.shiftKey ? 10 : 1;
    nudge(arrow[0] * step, arrow[1] * step, event.repeat);
    return true;
  }
  const action = KEY_ACTIONS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!action) return false;
  action();
  return true;
}

/** One thing at a time: the gesture, the box mode, then the focus. */
function escape() {
  if (gesture) cancelGesture();
  else if (editor.adding) setAdding(false);
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
}
