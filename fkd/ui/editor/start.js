// Wire everything to the page, then show the value that the editor was mounted with.

stage.addEventListener('pointerdown', pointerDown);
stage.addEventListener('pointermove', pointerMove);
stage.addEventListener('pointerup', pointerUp);
stage.addEventListener('pointercancel', pointerLost);
stage.addEventListener('lostpointercapture', pointerLost);
stage.addEventListener('pointerleave', () => {
  if (gesture || editor.hoverIndex < 0) return;
  editor.hoverIndex = -1;
  draw();
});
stage.addEventListener('dblclick', doubleClick);
stage.addEventListener('contextmenu', contextMenu);
stage.addEventListener('wheel', wheel, { passive: false });
// The middle button would start the browser's own scrolling, and a double click would select text.
stage.addEventListener('mousedown', (event) => event.button === 1 && event.preventDefault());
stage.addEventListener('dragstart', (event) => event.preventDefault());
stage.addEventListener('blur', letGoOfKeys);

root.addEventListener('keydown', keyDown);
root.addEventListener('keyup', keyUp);
root.addEventListener('click', buttonClicked);
root.addEventListener('mousedown', buttonPressed);
root.addEventListener('pointerdown', peekPressed);
root.addEventListener('input', lightSlid);
// For the page around: dispatched here or on anything inside, bubbling or not.
element.addEventListener('fkd-save', save, true);
element.addEventListener('fkd-failed', requestFailed, true);
element.addEventListener('fkd-next', showNext, true);
window.addEventListener('beforeunload', askBeforeLeaving);
window.addEventListener('offline', checkConnection);
window.addEventListener('online', checkConnection);

find('.fkd-photo').addEventListener('error', () => {
  if (editor.doc) showHint('The photo could not be shown. Add it again above.');
});

// Points keep their size on the screen, also when the editor gets wider or its tab is opened.
new ResizeObserver(draw).observe(stage);

editor.settling = remembered(SETTLING_KEY) !== 'off';
watch('value', receive);
drawLegend();
drawLight();
const before = openBefore();
merge(props.value);
reopen(before);
