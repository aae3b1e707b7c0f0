// Another photo comes in while points are not saved: it waits until the person has said what becomes of them.

let nextPhoto = null; // {value, whenSaved}: the document that waits, and whether a save is all that it waits for

/** Show another photo, or none: at once if nothing can be lost, else when the person says so. */
function moveOn(value) {
  const unsaved = unsavedFaces();
  if (isSamePhoto(value) && isForgotten()) {
    takeAlong(value);
    return;
  }
  if (unsaved.length === 0) {
    load(value);
    return;
  }
  if (isSamePhoto(value)) { // as it was before these edits: who asks for the photo that they are at, stays there
    publish();
    keepEditing();
    return;
  }
  nextPhoto = { value, whenSaved: unsaved.every(isBeingSaved) };
  find('.fkd-help').hidden = true;
  publish(); // the component's value is what is on the screen again
  draw();
  find('.fkd-leave').scrollIntoView({ block: 'nearest' });
}

/** The page offers another photo: shown at once, unless there is something to ask, or to wait for, first. */
function showNext(event) {
  const unsaved = unsavedFaces();
  if (isBusy() || nextPhoto || isLost() || !unsaved.every(isBeingSaved)) return;
  if (unsaved.length && !(draftKey() && canKeepDrafts)) return; // a save that failed would lose them
  event.preventDefault(); // it was taken
  load(event.detail);
  publish();
}

function saveAndGoOn() {
  if (gesture) finishGesture();
  nextPhoto.whenSaved = true;
  unsavedFaces().forEach(saveFace);
  goOnIfSaved();
  draw();
}

function goOnIfSaved() {
  if (nextPhoto && nextPhoto.whenSaved && unsavedFaces().length === 0) goOn();
}

/** What was done to this photo is not wanted; what was kept of it from before may still be. */
function discardAndGoOn() {
  writeDraft(offered.faces.concat(wanted));
  goOn();
}

function goOn() {
  load(nextPhoto.value);
  publish();
}

function keepEditing() {
  nextPhoto = null;
  trigger('keep', { doc_id: editor.doc.doc_id });
  stage.focus({ preventScroll: true }); // the keys go on working
  draw();
}

/** A save came to nothing: the person is asked again. */
function askAgain() {
  if (nextPhoto) nextPhoto.whenSaved = false;
}

function drawLeaving() {
  find('.fkd-leave').hidden = !nextPhoto;
  if (!nextPhoto) return;
  const anyUnsaved = unsavedFaces().length > 0;
  setText(find('.fkd-leave-text'), leavingText(unsavedTotal()));
  setText(button('leave-save'), anyUnsaved ? 'Save and go on' : 'Go on');
  button('leave-save').disabled = nextPhoto.whenSaved;
  button('leave-discard').hidden = !anyUnsaved;
}

function leavingText(count) {
  const place = editor.doc.photo_name ? ' in ' + editor.doc.photo_name : '';
  if (!count) return 'Nothing' + place + ' is left to save.';
  const points = count + (count === 1 ? ' point' : ' points') + place;
  if (nextPhoto.whenSaved) return 'Saving ' + points + ' before going on…';
  return points + (count === 1 ? ' is' : ' are') + ' not saved.';
}
