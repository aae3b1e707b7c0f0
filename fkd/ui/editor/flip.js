// The model took left for right: swap the names of the points that change places in a mirror.

/** For each point, the one that it swaps with; points on the face's middle line are their own partners. */
function flipOrder() {
  const order = editor.doc.names.map((_, index) => index);
  editor.doc.flip_pairs.forEach(([one, other]) => {
    order[one] = other;
    order[other] = one;
  });
  return order;
}

function canFlip() {
  return Boolean(currentFace() && (editor.doc.flip_pairs || []).length);
}

/** As one step to undo. It says that the places are right and the names were not, so every free point is judged now. */
function flipFace() {
  if (!canFlip()) return;
  const face = currentFace();
  const before = allRecords(face);
  flipOrder().forEach((partner, index) => {
    const { point, state, place } = before[partner];
    setPoint(face, index, { point, place, state: flippedState(state, partner !== index) });
  });
  if (!recordStep(face, before)) return;
  finishEdit();
  showNote('Left and right are swapped. Ctrl+Z takes it back.');
}

function flippedState(state, swapped) {
  if (MARKED.includes(state)) return state;
  if (swapped) return 'moved';
  return FREE.includes(state) ? 'confirmed' : state;
}
