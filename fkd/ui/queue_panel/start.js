// Wire everything to the page, then show the view that the panel was mounted with.

const STEPS = { back: () => step(true), next: () => step(false), save: saveAndNext };

root.addEventListener('click', (event) => {
  const pressed = event.target.closest('button');
  if (!pressed || pressed.disabled) return;
  if (isElsewhere(document.activeElement)) document.activeElement.blur(); // the keys are the queue's from here on
  if (pressed.dataset.step) STEPS[pressed.dataset.step]();
  else if (pressed.dataset.shown) ask('choose', { shown: pressed.dataset.shown });
  else flag();
});
// A click on a button leaves the focus on the photo, so that the editor's keys go on working.
root.addEventListener('mousedown', (event) => event.target.closest('button') && event.preventDefault());
document.addEventListener('keydown', keyDown);
['keydown', 'pointerup'].forEach((kind) => document.addEventListener(kind, atWork, true));
// The page around tells the editor that a save or a step failed; that does not bubble, but it comes down through here.
document.addEventListener('fkd-failed', ({ detail }) => (detail === 'step' ? stepFailed() : saveFailed()), true);

watch('value', receive);
receive();
