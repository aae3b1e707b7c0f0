// A reload of the page: the photo that was open is asked for again, and unsaved points go where they were. The browser
// keeps the photo's id for this window only, and nothing of the photo.

const OPEN_KEY = 'fkd-open';

let reopening = ''; // the doc_id that was asked for

function keepOpen() {
  try {
    if (editor.doc) sessionStorage.setItem(OPEN_KEY, editor.doc.doc_id);
    else sessionStorage.removeItem(OPEN_KEY);
  } catch {
    // A browser that keeps nothing: after a reload the photo has to be added again.
  }
}

function openBefore() {
  try {
    return sessionStorage.getItem(OPEN_KEY) || '';
  } catch {
    return '';
  }
}

/** Ask for the photo that was open before, unless the page came with one. */
function reopen(docId) {
  if (!docId || editor.doc) return;
  reopening = docId;
  trigger('reopen', { doc_id: docId });
}

/** It is there again: what was not saved need not be asked about. */
function restoreReopened() {
  if (!editor.doc || editor.doc.doc_id !== reopening) return;
  reopening = '';
  if (!offered.faces.length) return;
  restoreOffered();
  showNote('Your unsaved points are back.');
}
