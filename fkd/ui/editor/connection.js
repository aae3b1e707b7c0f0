// Whether the server is there. It is asked from time to time, so that a person hears of a lost connection before they
// save, and of a server that was restarted and knows no photo any more.

const ASK_MS = 8000;
const ASK_LOST_MS = 2000;
const ASK_TIMEOUT_MS = 10000; // a server that predicts is slow, not gone

const connection = { lost: false, wasLost: false, process: '', restarted: false, timer: 0 };

function isLost() {
  return connection.lost;
}

/** Gradio says there which process is running; found beside the photo, since the app may lie under any path. */
function serverAddress() {
  const url = (editor.doc && editor.doc.image && editor.doc.image.url) || '';
  const at = url.indexOf('/gradio_api/');
  return at < 0 ? null : url.slice(0, at) + '/gradio_api/app_id';
}

async function checkConnection() {
  const address = serverAddress();
  if (address && !document.hidden) noteAnswer(await askServer(address));
  clearTimeout(connection.timer);
  if (element.isConnected) connection.timer = setTimeout(checkConnection, connection.lost ? ASK_LOST_MS : ASK_MS);
}

/** What identifies the process that answered, '' if it does not say, null if there is no answer. */
async function askServer(address) {
  try {
    const response = await fetch(address, { cache: 'no-store', signal: AbortSignal.timeout(ASK_TIMEOUT_MS) });
    return response.ok ? await response.text() : '';
  } catch {
    return null;
  }
}

function noteAnswer(answer) {
  const wasLost = connection.lost;
  connection.lost = answer === null;
  connection.wasLost ||= connection.lost;
  if (answer && connection.process && answer !== connection.process) connection.restarted = true;
  if (answer) connection.process = answer;
  if (wasLost && !connection.lost && !connection.restarted) showNote('Connected again.');
  if (wasLost !== connection.lost || connection.restarted) draw();
}

function drawConnection() {
  const { lost, restarted } = connection;
  find('.fkd-lost').hidden = !lost && !restarted;
  root.dataset.connection = lost ? 'lost' : restarted ? 'restarted' : 'up';
  setText(find('.fkd-lost-text'), lost ? lostText() : restartedText());
}

function lostText() {
  const where = draftKey() && canKeepDrafts ? 'in this browser, even if the page is reloaded' : 'on this screen only';
  return 'Connection lost. Your points are kept ' + where + '; save them when it is back.';
}

function restartedText() {
  const points = unsavedFaces().length ? ': your unsaved points come along.' : ' to go on.';
  return 'The server was restarted and does not know this photo any more. Add the photo again' + points;
}
