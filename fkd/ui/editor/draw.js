// The photo, the boxes of all faces, and the points and edges of the selected one.

const SVG_NAMESPACE = 'http://www.w3.org/2000/svg';
const PIXELS_FROM_SCALE = 5; // from here on the photo's pixels are shown as squares
const SMALL_STAGE_PX = 480; // narrower stages get smaller points

function svgNode(name, attributes) {
  const node = document.createElementNS(SVG_NAMESPACE, name);
  Object.entries(attributes).forEach(([key, value]) => node.setAttribute(key, value));
  return node;
}

function drawPhoto() {
  const { doc } = editor;
  root.dataset.empty = String(!doc);
  if (!doc) return;
  // CSS limits the height: see .fkd-stage.
  stage.style.aspectRatio = doc.width + ' / ' + doc.height;
  [find('.fkd-photo'), find('.fkd-loupe-photo')].forEach((photo) => {
    photo.setAttribute('width', doc.width);
    photo.setAttribute('height', doc.height);
    photo.setAttribute('href', (doc.image && doc.image.url) || '');
  });
}

/** Make as many nodes of `selector` in `layer` as there are things to draw. */
function matchNodes(layer, count, make) {
  while (layer.children.length > count) layer.lastChild.remove();
  while (layer.children.length < count) layer.append(make(layer.children.length));
  return Array.from(layer.children);
}

function makeBox(index) {
  const group = svgNode('g', { 'data-face': index });
  const badge = svgNode('g', { class: 'fkd-badge' });
  badge.append(svgNode('rect', { x: 0, y: -20, height: 18, rx: 4 }), svgNode('text', { x: 6, y: -7 }));
  badge.append(svgNode('path', { class: 'fkd-tick', d: 'M0 -11L3 -8L8 -14' }));
  group.append(svgNode('rect', { class: 'fkd-box' }), badge);
  return group;
}

function drawBoxes(scale) {
  matchNodes(find('.fkd-boxes'), editor.faces.length, makeBox).forEach((group, index) => {
    const face = editor.faces[index];
    const [left, top, right, bottom] = face.box;
    const [box, badge] = group.children;
    const changed = unsavedCount(face) > 0;
    const saved = Boolean(face.savedId) && !changed;
    group.setAttribute('class', index === editor.faceIndex ? 'fkd-face fkd-face-selected' : 'fkd-face');
    group.dataset.saved = String(saved);
    group.dataset.number = face.number;
    box.setAttribute('x', left);
    box.setAttribute('y', top);
    box.setAttribute('width', Math.max(right - left, 0));
    box.setAttribute('height', Math.max(bottom - top, 0));
    const [plate, text, tick] = badge.children;
    text.textContent = face.number + (changed ? '*' : '');
    const textWidth = 7 * text.textContent.length;
    plate.setAttribute('width', textWidth + 12 + (saved ? 14 : 0));
    tick.setAttribute('transform', 'translate(' + (textWidth + 11) + ' 0)');
    tick.style.display = saved ? '' : 'none';
    // Above the box, or inside where the photo ends.
    const inside = (top - view.y) * scale + (stageSize.height - view.height * scale) / 2 < 22;
    badge.setAttribute('transform', placeAt([left, top + (inside ? 22 / scale : 0)], scale));
  });
}

/** Browsers work through an attribute that is set to what it was as well. */
function setAttribute(node, name, value) {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** A transform under which the node keeps one size on the screen. */
function placeAt([x, y], scale) {
  return 'translate(' + x + ' ' + y + ') scale(' + 1 / scale + ')';
}

function makePoint(index) {
  const group = svgNode('g', { 'data-point': index });
  group.append(svgNode('path', { class: 'fkd-halo' }), svgNode('path', { class: 'fkd-glyph' }));
  return group;
}

function drawPoints(face, scale) {
  const glyphSize = stageSize.width < SMALL_STAGE_PX ? 0.75 : 1;
  matchNodes(find('.fkd-points'), face ? pointCount() : 0, makePoint).forEach((group, index) => {
    const place = shownPlace(face, index);
    const state = face.states[index];
    const [halo, glyph] = group.children;
    setAttribute(group, 'transform', placeAt(place, scale / glyphSize));
    setAttribute(group, 'data-x', String(place[0]));
    setAttribute(group, 'data-y', String(place[1]));
    setAttribute(group, 'data-state', state);
    group.classList.toggle('fkd-chosen', editor.chosen.has(index));
    setAttribute(halo, 'd', STATE_SHAPES[state]);
    setAttribute(glyph, 'd', STATE_SHAPES[state]);
    setAttribute(glyph, 'class', 'fkd-glyph fkd-glyph-' + state);
    setAttribute(glyph, 'style', '--fkd-colour:' + pointColour(face, index));
  });
}

function drawEdges(face) {
  const lines = (face ? editor.doc.edges : [])
    .filter(([from, to]) => face.points[from] && face.points[to])
    .map(([from, to]) => 'M' + face.points[from].join(' ') + 'L' + face.points[to].join(' '));
  ['.fkd-edge-under', '.fkd-edge-over'].forEach((edge) => setAttribute(find(edge), 'd', lines.join('')));
}

/** Draw everything anew; cheap enough for every pointer event. */
function draw() {
  measureStage();
  const scale = editor.doc ? viewScale() : 0;
  if (scale) {
    const face = currentFace();
    photoLayer.classList.toggle('fkd-pixels', scale >= PIXELS_FROM_SCALE);
    drawBoxes(scale);
    drawEdges(face);
    drawPoints(face, scale);
    drawOverlay(face, scale);
  }
  if (editor.doc) drawControls();
}
