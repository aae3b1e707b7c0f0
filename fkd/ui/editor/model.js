'use strict';
// What is being edited: one photo, its faces, and what the person did to them. All other files read and change
// `editor`; coordinates are image pixels, the centre of the top-left pixel is (0, 0).

const STATES = ['untouched', 'settled', 'confirmed', 'moved', 'occluded', 'absent'];
const FREE = ['untouched', 'settled']; // placed by the model: nobody has judged these
const OUTSIDE_SHARE = 0.25; // how far outside the photo a point may be dragged, as a share of the photo's size
const SAME_PX = 0.005;

const root = element.querySelector('[data-testid="fkd-editor"]');
const found = new Map(); // selector → node: what is looked for is there from the start
function find(selector) {
  if (!found.has(selector)) found.set(selector, root.querySelector(selector));
  return found.get(selector);
}

const editor = {
  doc: null, // the last value taken over from the server, without its faces
  faces: [],
  faceIndex: 0,
  pointIndex: -1, // the point that the keys are for, -1 while several are chosen
  chosen: new Set(), // several points that move together; empty while there is but one
  hoverIndex: -1,
  rev: 0, // rises with every change of the value
  serverRev: 0, // the highest rev that a server value carried
  waiting: [], // server values that came in mid-drag
  tool: '', // what a drag on the photo does, one of TOOLS; '' for moving the view
  awaitedBox: null, // a box that was drawn and is not answered yet
  awaitedRev: 0,
  byState: false, // colours
  leastCertainFirst: false, // the way Tab goes
  refused: false, // whether the server has refused something since the photo was opened or saved
  removals: [], // faces that were removed, see faces.js
  settling: true, // whether the rest of a face settles when a point is fixed
};

function currentFace() {
  return editor.faces[editor.faceIndex] || null;
}

function pointCount() {
  return editor.doc.names.length;
}

function readPoint(pair) {
  if (!Array.isArray(pair) || !Number.isFinite(pair[0]) || !Number.isFinite(pair[1])) return null;
  return [pair[0], pair[1]];
}

/** A face of the server's document as the editor keeps it; `count` is the number of points. */
function openFace(raw, number, count) {
  const indices = Array.from({ length: count }, (_, index) => index);
  const predicted = indices.map((index) => readPoint(raw.predicted && raw.predicted[index]));
  const states = indices.map((index) => (STATES.includes(raw.states && raw.states[index]) ? raw.states[index] : 'untouched'));
  const given = indices.map((index) => readPoint(raw.points && raw.points[index]));
  const points = given.map((point, index) => (states[index] === 'absent' ? null : point));
  points.forEach((point, index) => {
    if (!point) states[index] = 'absent';
  });
  const face = {
    faceId: String(raw.face_id),
    number, // what a person calls it: its place in the document, from 1
    box: raw.box_xyxy.map(Number),
    score: raw.score,
    predicted,
    points,
    states,
    parked: given, // where an absent point was last
    confidence: indices.map((index) => Number((raw.confidence && raw.confidence[index]) || 0)),
    savedId: raw.saved_id || null,
    savedRev: Number.isInteger(raw.saved_rev) ? raw.saved_rev : -1, // the rev of the save that wrote that row
    spread: (raw.spread || []).map(Number), // how far each point may be off, see settle.js
    rollRad: Number(raw.roll_rad) || 0,
    baseline: null, // points and states that need no saving
    takingBack: false, // whether its last save is being undone
    takeBackRev: 0, // when that was asked for
    pending: new Map(), // rev of a save → what it sent and when, until it is answered
    undo: [],
    redo: [],
  };
  face.baseline = face.savedId ? copyEdit(face) : predictionOf(face);
  return face;
}

function copyEdit(face) {
  return { points: face.points.map((point) => point && [point[0], point[1]]), states: face.states.slice() };
}

function predictionOf(face) {
  return {
    points: face.predicted.map((point) => point && [point[0], point[1]]),
    states: face.predicted.map((point) => (point ? 'untouched' : 'absent')),
  };
}

function samePlace(one, other) {
  if (!one || !other) return !one && !other;
  return Math.abs(one[0] - other[0]) < SAME_PX && Math.abs(one[1] - other[1]) < SAME_PX;
}

/** How many points a person has changed since an earlier edit of the face; if none, how many have settled elsewhere. */
function changedSince(face, { points, states }) {
  const differs = (index) => face.states[index] !== states[index] || !samePlace(face.points[index], points[index]);
  const changed = states.map((_, index) => index).filter(differs);
  const byHand = changed.filter((index) => !FREE.includes(face.states[index]) || !FREE.includes(states[index]));
  return byHand.length || changed.length;
}

/** How many points differ from what was saved, or from the prediction while nothing was. */
function unsavedCount(face) {
  return changedSince(face, face.baseline);
}

function unsavedFaces() {
  return editor.faces.filter((face) => unsavedCount(face) > 0);
}

function unsavedTotal() {
  return editor.faces.reduce((sum, face) => sum + unsavedCount(face), 0);
}

/** Where point `index` is drawn: absent points stay as ghosts that can be brought back. */
function shownPlace(face, index) {
  return face.points[index] || face.parked[index] || face.predicted[index] || trayPlace(face, index);
}

/** Points that were never predicted wait in a row under the box. */
function trayPlace(face, index) {
  const [left, , right, bottom] = face.box;
  return clampToReach([left + ((index + 0.5) / pointCount()) * (right - left), bottom]);
}

function clampToReach([x, y]) {
  return [clampAxis(x, editor.doc.width), clampAxis(y, editor.doc.height)];
}

function clampAxis(value, size) {
  const margin = OUTSIDE_SHARE * size;
  const inside = Math.min(Math.max(value, -0.5 - margin), size - 0.5 + margin);
  return Math.round(inside * 100) / 100;
}

/** Put a record {point, state, place} into the face; `place` is where the point's ghost stays while it is absent. */
function setPoint(face, index, record) {
  face.points[index] = record.point;
  face.states[index] = record.state;
  face.parked[index] = record.place;
}
