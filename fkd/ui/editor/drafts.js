// Unsaved points, kept in the browser until they are saved: per photo (by its contents) and scheme, points only, never
// a picture or a name. At most DRAFTS_KEPT photos, none longer than DRAFT_DAYS.

const DRAFT_PREFIX = 'fkd-draft:';
const DRAFTS_KEPT = 50;
const DRAFT_DAYS = 14;
const DAY_MS = 86400000;

let canKeepDrafts = true; // false once the browser has refused to keep something

function draftKey() {
  const { doc } = editor;
  return doc && doc.photo_key ? DRAFT_PREFIX + doc.scheme + ':' + doc.photo_key : null;
}

/** The draft of the photo that is open, {time, faces: [{box, points, states}]}; null if there is none. */
function readDraft() {
  try {
    const draft = JSON.parse(localStorage.getItem(draftKey() || DRAFT_PREFIX));
    const faces = draft && Array.isArray(draft.faces) ? draft.faces.flatMap(readDraftFace) : [];
    return faces.length ? { time: Number(draft.time), faces } : null;
  } catch {
    return null; // a browser that keeps nothing, or somebody else's text under our name
  }
}

function readDraftFace(raw) {
  const { box, points, states } = raw || {};
  const complete = [points, states].every((list) => Array.isArray(list) && list.length === pointCount());
  if (!complete || !Array.isArray(box) || box.length !== 4 || !box.every(Number.isFinite)) return [];
  if (!states.every((state) => STATES.includes(state))) return [];
  return [{ box, points: points.map(readPoint), states }];
}

/** Keep these faces for the open photo, or for another one; none forgets it. */
function writeDraft(faces, key = draftKey()) {
  if (!key) return;
  try {
    if (!faces.length) localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify({ time: Date.now(), faces }));
    canKeepDrafts = true;
  } catch {
    canKeepDrafts = false; // said where the connection is lost, see connection.js
  }
}

/** Forget what is too old, and the oldest of what is too much. */
function clearOldDrafts() {
  try {
    const keys = Array.from({ length: localStorage.length }, (_, index) => localStorage.key(index));
    const drafts = keys
      .filter((key) => key.startsWith(DRAFT_PREFIX))
      .map((key) => ({ key, time: draftTime(key) }))
      .sort((one, other) => other.time - one.time);
    const oldest = Date.now() - DRAFT_DAYS * DAY_MS;
    drafts
      .filter(({ time }, order) => order >= DRAFTS_KEPT || !(time > oldest))
      .forEach(({ key }) => localStorage.removeItem(key));
  } catch {
    canKeepDrafts = false;
  }
}

function draftTime(key) {
  try {
    return Number(JSON.parse(localStorage.getItem(key)).time) || 0;
  } catch {
    return 0;
  }
}
