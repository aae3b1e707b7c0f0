// The queue's keys, wherever on the page the focus is, except where somebody types. The editor leaves them alone.

const QUEUE_KEYS = {
  d: () => step(true),
  f: () => step(false),
  s: () => saveAndNext(),
  q: () => flag(),
  ArrowLeft: () => step(true), // the editor takes the arrows while a point is selected
  ArrowRight: () => step(false),
};

function keyDown(event) {
  if (!element.isConnected) return document.removeEventListener('keydown', keyDown);
  if (event.defaultPrevented || event.altKey || event.repeat || !isActive() || isElsewhere(event.target)) return undefined;
  const action = keyAction(event);
  if (!action) return undefined;
  event.preventDefault();
  action();
  return undefined;
}

function keyAction(event) {
  const isCommand = event.ctrlKey || event.metaKey;
  if (event.key === 'Enter') return isCommand && !event.shiftKey ? saveAndNext : null;
  if (isCommand || event.shiftKey) return null;
  return QUEUE_KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
}

/** Where keys mean something else: fields, lists and sliders, other tabs, and the editor's help. */
function isElsewhere(target) {
  const help = document.querySelector('.fkd-help');
  if ((help && !help.hidden) || root.offsetParent === null) return true;
  const owners = 'input, textarea, select, [contenteditable], [role="slider"], [role="tab"], [role="radio"], table, dialog';
  return Boolean(target.closest && target.closest(owners));
}

function flag() {
  if (isAnswerMissing(flag) || !view.name) return; // it would be the flag of the photo before
  ask('flag', {});
}
