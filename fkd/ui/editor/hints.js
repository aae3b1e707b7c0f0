// What the editor says over the photo: what a tool is for, what was done or went wrong. And the help.

const NOTE_MS = 7000;

let noteTimer = 0;

/** Until something else is said. */
function showHint(text) {
  clearTimeout(noteTimer);
  const hint = find('.fkd-hint');
  hint.hidden = !text;
  setText(hint, text);
}

/** For a while. */
function showNote(text) {
  showHint(text);
  noteTimer = setTimeout(clearHint, NOTE_MS);
}

/** Nothing more to say than what the tool in hand is for. */
function clearHint() {
  showHint(TOOLS[editor.tool] || '');
}

function isHelpOpen() {
  return !find('.fkd-help').hidden;
}

function showHelp(open) {
  find('.fkd-help').hidden = !open;
  find('.fkd-help-queue').hidden = !document.querySelector('[data-testid="fkd-queue"]:not([hidden])');
  (open ? button('close-help') : stage).focus({ preventScroll: true });
  return true;
}
