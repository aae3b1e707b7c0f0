// What a person has set stays set in this browser, from photo to photo and after a reload.

const memory = {}; // also what the browser refuses to keep

/** What was kept under a key, null if nothing was. */
function remembered(key) {
  if (!(key in memory)) memory[key] = readMemory(key);
  return memory[key];
}

function remember(key, text) {
  memory[key] = text;
  try {
    localStorage.setItem(key, text);
  } catch {
    // A browser that keeps nothing: it holds until a reload.
  }
}

function readMemory(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}
