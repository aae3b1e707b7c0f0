// Colours and shapes of the points. Both colour sets are told apart with any kind of colour vision (Okabe and Ito 2008);
// the shape says the state in either.

const STATE_COLOURS = {
  untouched: '#56b4e9',
  settled: '#f0e442',
  confirmed: '#00b386',
  moved: '#f0a830',
  occluded: '#e29bc6',
  absent: '#f2f2f2',
};
const CONFIDENCE_COLOURS = [
  [213, 94, 0],
  [240, 228, 66],
  [86, 180, 233],
];
// In screen pixels about the point.
const STATE_SHAPES = {
  untouched: 'M4 0A4 4 0 1 1 -4 0A4 4 0 1 1 4 0Z',
  settled: 'M4.500 -2.600L0 -5.200L-4.500 -2.600V2.600L0 5.200L4.500 2.600Z',
  confirmed: 'M-4 -4H4V4H-4Z',
  moved: 'M0 -5.600L5.600 0L0 5.600L-5.600 0Z',
  occluded: 'M0 -5.400L5.400 4.200H-5.400Z',
  absent: 'M4.500 0A4.500 4.500 0 1 1 -4.500 0A4.500 4.500 0 1 1 4.500 0Z',
};

/** The colour of a confidence from 0 to 1: vermilion, yellow, sky blue. */
function confidenceColour(confidence) {
  const place = Math.min(Math.max(confidence, 0), 1) * (CONFIDENCE_COLOURS.length - 1);
  const lower = Math.min(Math.floor(place), CONFIDENCE_COLOURS.length - 2);
  const mix = CONFIDENCE_COLOURS[lower].map((low, channel) => {
    const high = CONFIDENCE_COLOURS[lower + 1][channel];
    return Math.round(low + (place - lower) * (high - low));
  });
  return 'rgb(' + mix.join(',') + ')';
}

function pointColour(face, index) {
  if (editor.byState) return STATE_COLOURS[face.states[index]];
  return face.predicted[index] ? confidenceColour(face.confidence[index]) : STATE_COLOURS.absent;
}

function drawLegend() {
  find('[data-action="colours"]').textContent = editor.byState ? 'Colour: state' : 'Colour: confidence';
  find('.fkd-scale').hidden = editor.byState;
  const stops = [0, 0.25, 0.5, 0.75, 1].map(confidenceColour);
  find('.fkd-scale-bar').style.background = 'linear-gradient(90deg,' + stops.join(',') + ')';
  find('.fkd-shapes').dataset.with = editor.byState ? 'state' : 'confidence';
  find('.fkd-shapes').replaceChildren(...STATES.map(legendEntry));
}

function legendEntry(state) {
  const entry = document.createElement('span');
  entry.className = 'fkd-shape';
  const picture = svgNode('svg', { viewBox: '-8 -8 16 16', 'aria-hidden': 'true' });
  const glyph = svgNode('path', { d: STATE_SHAPES[state], class: 'fkd-glyph fkd-glyph-' + state });
  const coloured = editor.byState && state !== 'absent'; // near white: for the photo only
  glyph.style.setProperty('--fkd-colour', coloured ? STATE_COLOURS[state] : 'var(--fkd-quiet)');
  picture.append(glyph);
  entry.append(picture, document.createTextNode(state));
  return entry;
}
