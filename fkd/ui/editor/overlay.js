// What lies over the photo for a moment: rings, the name of a point, the crosshair, the loupe, the box being drawn.

const LOUPE_PX = 132;
const LOUPE_ZOOM = 2.5; // against the stage
const LABEL_GAP_PX = 14;

/** "17 · left brow · 0.83". Names are user text: only ever set as textContent. */
function pointText(face, index) {
  const confidence = face.predicted[index] ? face.confidence[index].toFixed(2) : 'not predicted';
  return index + ' · ' + editor.doc.names[index] + ' · ' + confidence;
}

function drawOverlay(face, scale) {
  const dragged = draggedPoint();
  const moving = gesture && CHANGING.includes(gesture.kind);
  const named = editor.hoverIndex >= 0 ? editor.hoverIndex : editor.pointIndex;
  drawRing(find('.fkd-ring-hover'), face, editor.hoverIndex, scale);
  drawRing(find('.fkd-ring-selected'), face, editor.pointIndex, scale);
  drawLabel(face, moving ? -1 : named);
  drawCrosshair(dragged && !dragged.touch ? face.points[dragged.index] : null, scale);
  drawLoupe(dragged && dragged.touch ? face.points[dragged.index] : null, scale);
  drawGrip(scale);
  drawDraft();
  root.classList.toggle('fkd-dragging', Boolean(dragged));
  root.classList.toggle('fkd-moving-face', Boolean(moving) && !dragged);
  Array.from(find('.fkd-points').children).forEach((node, index) => {
    node.classList.toggle('fkd-dragged', Boolean(dragged) && dragged.index === index);
  });
}

function drawRing(ring, face, index, scale) {
  const shown = face && index >= 0;
  ring.style.display = shown ? '' : 'none';
  if (!shown) return;
  ring.setAttribute('r', 9.5);
  ring.setAttribute('transform', placeAt(shownPlace(face, index), scale));
}

function drawLabel(face, index) {
  const label = find('.fkd-label');
  label.hidden = !face || index < 0;
  if (label.hidden) return;
  label.textContent = pointText(face, index);
  const [x, y] = toStage(shownPlace(face, index));
  const left = x + LABEL_GAP_PX + label.offsetWidth > stageSize.width ? x - LABEL_GAP_PX - label.offsetWidth : x + LABEL_GAP_PX;
  const top = y - LABEL_GAP_PX - label.offsetHeight < 0 ? y + LABEL_GAP_PX : y - LABEL_GAP_PX - label.offsetHeight;
  label.style.left = Math.min(Math.max(left, 4), Math.max(stageSize.width - label.offsetWidth - 4, 4)) + 'px';
  label.style.top = Math.min(top, stageSize.height - label.offsetHeight - 4) + 'px';
}

function drawCrosshair(place, scale) {
  const gap = 12 / scale;
  const far = Math.max(stageSize.width, stageSize.height) / scale;
  const lines = place
    ? [
        [place[0] - far, place[1], place[0] - gap, place[1]],
        [place[0] + gap, place[1], place[0] + far, place[1]],
        [place[0], place[1] - far, place[0], place[1] - gap],
        [place[0], place[1] + gap, place[0], place[1] + far],
      ].map(([x1, y1, x2, y2]) => 'M' + x1 + ' ' + y1 + 'L' + x2 + ' ' + y2)
    : [];
  ['.fkd-cross-under', '.fkd-cross-over'].forEach((cross) => setAttribute(find(cross), 'd', lines.join('')));
}

function drawLoupe(place, scale) {
  const loupe = find('.fkd-loupe');
  loupe.hidden = !place;
  if (!place) {
    delete loupe.dataset.side;
    return;
  }
  const side = LOUPE_PX / (scale * LOUPE_ZOOM);
  const picture = find('.fkd-loupe-svg');
  picture.setAttribute('viewBox', [place[0] - side / 2, place[1] - side / 2, side, side].join(' '));
  picture.classList.toggle('fkd-pixels', scale * LOUPE_ZOOM >= PIXELS_FROM_SCALE);
  // In the upper corner away from the finger; it changes sides only when the finger comes near.
  const [x, y] = toStage(place);
  const near = LOUPE_PX + 48;
  const nearLeft = x < near && y < near;
  const nearRight = x > stageSize.width - near && y < near;
  if (!loupe.dataset.side) loupe.dataset.side = x < stageSize.width / 2 ? 'right' : 'left';
  if (loupe.dataset.side === 'left' && nearLeft && !nearRight) loupe.dataset.side = 'right';
  if (loupe.dataset.side === 'right' && nearRight && !nearLeft) loupe.dataset.side = 'left';
}

/** The grip below the selected point, and the line that ties it to the point. */
function drawGrip(scale) {
  const held = gripPlace();
  const node = find('.fkd-grip');
  node.style.display = held ? '' : 'none';
  if (!held) return;
  const [line, knob] = node.children;
  line.setAttribute('d', 'M0 ' + 12 * held.side + 'V' + (GRIP_PX - 11) * held.side);
  knob.setAttribute('cy', GRIP_PX * held.side);
  node.setAttribute('transform', placeAt(held.place, scale));
}

function drawDraft() {
  const box = draftBox();
  const draft = find('.fkd-draft');
  draft.classList.toggle('fkd-lasso', Boolean(gesture) && gesture.kind === 'lasso');
  draft.style.display = box ? '' : 'none';
  if (!box) return;
  draft.setAttribute('x', box[0]);
  draft.setAttribute('y', box[1]);
  draft.setAttribute('width', box[2] - box[0]);
  draft.setAttribute('height', box[3] - box[1]);
}
