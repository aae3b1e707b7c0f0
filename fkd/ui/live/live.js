// Send the camera's frames one at a time, and show each with the points that come back. Runs once a mount.

const root = element.querySelector('.fkd-live');
const video = root.querySelector('video');
const canvas = root.querySelector('canvas');
const button = root.querySelector('button');
const said = root.querySelector('span');
const shot = document.createElement('canvas'); // the frame whose points are asked for, as the camera gave it
const grab = document.createElement('canvas'); // and the smaller one that is sent
const SENT_PX = 480; // the longer side of what is sent: a face at the desk is then larger than the network's input
const SHOWN_PX = 1280; // wide: twice what is seen, for sharp lines
const edges = props.value?.edges ?? [];
let stream = null;
let session = '';

button.addEventListener('click', () => (stream ? stop('') : start()));

async function start() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 640 } }, audio: false });
  } catch (error) {
    said.textContent = `There is no camera to use (${error.name}). Allow it in the browser, or plug one in.`;
    return;
  }
  video.srcObject = stream;
  await video.play();
  root.dataset.on = '';
  button.textContent = 'Stop the camera';
  session = Array.from(crypto.getRandomValues(new Uint32Array(4)), (word) => word.toString(16)).join('');
  run();
}

function stop(sentence) {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  video.srcObject = null;
  delete root.dataset.on;
  button.textContent = 'Start the camera';
  said.textContent = sentence;
}

async function run() {
  const mine = stream;
  const times = [];
  while (stream === mine && element.isConnected) {
    let answer;
    try {
      answer = await server.live_frame({ session, time_s: performance.now() / 1000, jpeg: frame() });
    } catch {
      answer = { error: 'The server does not answer. Start the camera again when it does.' };
    }
    if (stream !== mine) return;
    if (answer.error) return stop(answer.error);
    draw(answer.faces);
    times.push(performance.now());
    if (times.length > 30) times.shift();
    const rate = times.length > 1 ? (1000 * (times.length - 1)) / (times.at(-1) - times[0]) : 0;
    root.dataset.rate = rate.toFixed(1);
    root.dataset.took = answer.took_ms;
    said.textContent = `${answer.faces.length} face${answer.faces.length === 1 ? '' : 's'}, ${rate.toFixed(0)} frames/s`;
    await new Promise((next) => setTimeout(next)); // the page stays alive
  }
  if (stream === mine) stop('');
}

function frame() {
  shot.width = video.videoWidth;
  shot.height = video.videoHeight;
  shot.getContext('2d').drawImage(video, 0, 0);
  const scale = Math.min(1, SENT_PX / Math.max(video.videoWidth, video.videoHeight));
  grab.width = Math.round(video.videoWidth * scale);
  grab.height = Math.round(video.videoHeight * scale);
  grab.getContext('2d').drawImage(shot, 0, 0, grab.width, grab.height);
  return grab.toDataURL('image/jpeg', 0.85).split(',')[1];
}

function draw(faces) {
  const scale = SHOWN_PX / grab.width;
  canvas.width = Math.round(grab.width * scale);
  canvas.height = Math.round(grab.height * scale);
  const pen = canvas.getContext('2d');
  pen.drawImage(shot, 0, 0, canvas.width, canvas.height);
  const place = ([x, y]) => [(x + 0.5) * scale, (y + 0.5) * scale];
  for (const face of faces) {
    pen.strokeStyle = 'rgba(255, 255, 255, 0.7)';
    pen.lineWidth = 2;
    pen.beginPath();
    for (const [from, to] of edges) {
      pen.moveTo(...place(face.points[from]));
      pen.lineTo(...place(face.points[to]));
    }
    pen.stroke();
    face.points.forEach((point, index) => {
      pen.fillStyle = colour(face.confidence[index]);
      pen.beginPath();
      pen.arc(...place(point), 4, 0, 2 * Math.PI);
      pen.fill();
    });
  }
}

function colour(sure) {
  return sure < 0.4 ? '#d55e00' : sure < 0.7 ? '#f0e442' : '#56b4e9';
}
