// Which part of the photo is seen. The view is the SVG's viewBox, in image pixels; "meet" centres it in the stage.

const svg = find('.fkd-svg');
const stage = find('.fkd-stage');
// The photo lies in a layer of its own below: while points move, the browser need not draw and filter it anew.
const photoLayer = find('.fkd-photo-svg');
const MAX_SCALE = 40; // screen pixels per image pixel
const FACE_MARGIN = 0.15;
const OPENS_AT_KEY = 'fkd-opens-at';

// The size of the stage in CSS pixels, read before anything is drawn: reading it in between would lay the page out anew.
const stageSize = { width: 0, height: 0 };

let view = { x: -0.5, y: -0.5, width: 1, height: 1 };

function setView(next) {
  view = next;
  const box = [view.x, view.y, view.width, view.height].join(' ');
  svg.setAttribute('viewBox', box);
  photoLayer.setAttribute('viewBox', box);
}

function measureStage() {
  stageSize.width = svg.clientWidth;
  stageSize.height = svg.clientHeight;
}

/** Screen pixels per image pixel; 0 while the stage is hidden. */
function viewScale() {
  return Math.min(stageSize.width / view.width, stageSize.height / view.height);
}

function fitScale() {
  return Math.min(stageSize.width / editor.doc.width, stageSize.height / editor.doc.height);
}

/** Page coordinates, as in pointer events, to image pixels. */
function toImage(clientX, clientY) {
  const matrix = svg.getScreenCTM().inverse();
  return [matrix.a * clientX + matrix.e, matrix.d * clientY + matrix.f];
}

/** Image pixels to CSS pixels within the stage. */
function toStage([x, y]) {
  const scale = viewScale();
  return [
    stageSize.width / 2 + (x - view.x - view.width / 2) * scale,
    stageSize.height / 2 + (y - view.y - view.height / 2) * scale,
  ];
}

function fitPhoto() {
  setView({ x: -0.5, y: -0.5, width: editor.doc.width, height: editor.doc.height });
}

function faceExtent(face) {
  const xs = [face.box[0], face.box[2]];
  const ys = [face.box[1], face.box[3]];
  face.points.filter(Boolean).forEach(([x, y]) => {
    xs.push(x);
    ys.push(y);
  });
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

function fitFace(face) {
  const [left, top, right, bottom] = faceExtent(face);
  const margin = FACE_MARGIN * Math.max(right - left, bottom - top, 1);
  setView({ x: left - margin, y: top - margin, width: right - left + 2 * margin, height: bottom - top + 2 * margin });
}

/** How a photo opens, and a face is gone to: at the face if that is what the person fitted last, else as a whole. */
function fitAsBefore(face) {
  if (face && remembered(OPENS_AT_KEY) === 'face') fitFace(face);
  else fitPhoto();
}

function isPhotoFitted() {
  return Math.abs(viewScale() / fitScale() - 1) < 0.02;
}

/** Zoom by `factor`, keeping the image place `[x, y]` where it is on the screen. */
function zoomAbout([x, y], factor) {
  const scale = viewScale();
  if (!scale) return;
  const wanted = Math.min(Math.max(scale * factor, fitScale() / (1 + 2 * OUTSIDE_SHARE)), Math.max(MAX_SCALE, fitScale()));
  const shrink = scale / wanted;
  moveView(x - (x - view.x) * shrink, y - (y - view.y) * shrink, view.width * shrink, view.height * shrink);
}

function zoomAboutCentre(factor) {
  zoomAbout([view.x + view.width / 2, view.y + view.height / 2], factor);
}

function panBy(dx, dy) {
  moveView(view.x + dx, view.y + dy, view.width, view.height);
}

/** The middle of the view stays over the photo or its margin, so that the photo cannot get lost. */
function moveView(x, y, width, height) {
  const middle = clampToReach([x + width / 2, y + height / 2]);
  setView({ x: middle[0] - width / 2, y: middle[1] - height / 2, width, height });
}

function bringIntoView(place) {
  const [left, top] = toStage(place);
  const edge = 24;
  const dx = Math.min(left - edge, 0) + Math.max(left + edge - stageSize.width, 0);
  const dy = Math.min(top - edge, 0) + Math.max(top + edge - stageSize.height, 0);
  if (dx || dy) panBy(dx / viewScale(), dy / viewScale());
}
