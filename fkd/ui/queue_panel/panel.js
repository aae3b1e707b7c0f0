'use strict';
// The queue as it stands on the page. Names of files are text of whoever named them: only ever set as textContent.

const root = element.querySelector('[data-testid="fkd-queue"]');
const find = (selector) => root.querySelector(selector);
const buttons = (selector) => Array.from(root.querySelectorAll(selector));
const photos = (count) => count + (count === 1 ? ' photo' : ' photos');

let view = null;
let ahead = []; // pictures that come next, kept so that the browser keeps them too
let next = null; // the document that comes next, to be shown without asking while the server offers it

/** A view from the server; an older one may come later. */
function receive() {
  const value = props.value;
  if (!value || (view && value.rev <= view.rev)) return;
  const isOpened = Boolean(value.name) && value.name !== openName();
  view = value;
  const action = view.step < asked ? null : answered(); // else the server has not made the step yet
  if (view.ahead.length) ahead = view.ahead.map(loaded);
  if (view.next) next = view.next;
  draw();
  if (isOpened) requestAnimationFrame(showWork);
  if (action) action();
  askAhead();
}

/** The name of the photo of the queue that is on the screen; '' if none is. */
function openName() {
  if (shown) return shown.photo_name;
  return view ? view.name : '';
}

function loaded({ url }) {
  const known = ahead.find((picture) => picture.dataset.url === url);
  const picture = known || new Image();
  if (!known) {
    picture.dataset.url = url;
    picture.src = url;
    picture.decode().catch(() => {}); // the editor says so if it cannot be shown
  }
  return picture;
}

function isActive() {
  return Boolean(view) && view.counts.all + view.waiting > 0;
}

function draw() {
  root.hidden = !isActive() && !(view && view.problems.length);
  if (!view) return;
  root.dataset.open = String(Boolean(view.name));
  root.dataset.ready = String(isNextReady());
  drawProgress();
  buttons('[data-shown]').forEach((chip) => {
    chip.setAttribute('aria-pressed', String(chip.dataset.shown === view.shown));
    chip.lastChild.textContent = String(view.counts[chip.dataset.shown]);
  });
  find('.fkd-queue-next').textContent = view.name ? 'Next' : 'Start';
  find('[data-step="save"]').disabled = !view.name;
  find('[data-flag]').disabled = !view.name;
  find('[data-flag]').setAttribute('aria-pressed', String(view.flagged));
  find('[data-flag] span').textContent = view.flagged ? 'Flagged' : 'Flag';
  find('.fkd-queue-name').textContent = openName();
  find('.fkd-queue-name').title = openName();
  find('.fkd-queue-certainty').textContent = certaintyText();
  drawProblems();
}

function drawProgress() {
  const { counts, waiting } = view;
  const total = counts.all + waiting;
  find('.fkd-queue-done').textContent = counts.corrected + ' of ' + photos(total) + ' corrected';
  const isDone = !waiting && counts.corrected > 0 && counts.unlabelled === 0;
  find('.fkd-queue-waiting').textContent = waiting ? waiting + ' to predict…' : isDone ? 'Nothing left to label' : '';
  const bar = find('.fkd-queue-bar');
  bar.setAttribute('aria-valuemax', total);
  bar.setAttribute('aria-valuenow', counts.corrected);
  find('.fkd-queue-bar-done').style.width = (100 * counts.corrected) / Math.max(total, 1) + '%';
  find('.fkd-queue-bar-waiting').style.width = (100 * waiting) / Math.max(total, 1) + '%';
}

function certaintyText() {
  if (!view.name || shown) return '';
  const certainty = view.certainty === null ? 'no face found' : 'certainty ' + view.certainty.toFixed(2);
  return certainty + (view.corrected ? ' · corrected' : '');
}

function drawProblems() {
  const { problems } = view;
  find('.fkd-queue-problems').hidden = !problems.length;
  find('summary').textContent = problems.length === 1 ? '1 file was left out' : problems.length + ' files were left out';
  find('ul').replaceChildren(
    ...problems.map((problem) => {
      const item = document.createElement('li');
      item.textContent = problem;
      return item;
    }),
  );
}
