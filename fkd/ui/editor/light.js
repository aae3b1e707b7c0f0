// How the photo is shown, never how it is saved: brighter and with more contrast where it is dark, and without points
// for as long as somebody wants to see what lies under them.

const LIGHT_STEP = 1.15;
const LIGHT_LIMITS = { brightness: [0.25, 4], contrast: [0.25, 4] };

const light = { brightness: 1, contrast: 1 };

function setLight(name, value) {
  const [least, most] = LIGHT_LIMITS[name];
  light[name] = Math.min(Math.max(value, least), most);
  drawLight();
}

function resetLight() {
  Object.keys(light).forEach((name) => setLight(name, 1));
}

function isLightChanged() {
  return Object.values(light).some((value) => Math.abs(value - 1) > 0.001);
}

function drawLight() {
  const { brightness, contrast } = light;
  const filter = isLightChanged() ? 'brightness(' + brightness + ') contrast(' + contrast + ')' : '';
  [photoLayer, find('.fkd-loupe-svg')].forEach((layer) => {
    layer.style.filter = filter;
  });
  root.querySelectorAll('[data-light]').forEach((slider) => {
    // The sliders are logarithmic: the middle is the photo as it is.
    slider.value = String(Math.log2(light[slider.dataset.light]));
    setText(slider.nextElementSibling, Math.round(100 * light[slider.dataset.light]) + ' %');
  });
  button('reset-light').disabled = !isLightChanged();
  button('light').classList.toggle('fkd-in-use', isLightChanged());
}

function lightSlid(event) {
  const { light: name } = event.target.dataset;
  if (name) setLight(name, 2 ** Number(event.target.value));
}

function showLight(open) {
  find('.fkd-light').hidden = !open;
  button('light').setAttribute('aria-expanded', String(open));
}

function isLightOpen() {
  return !find('.fkd-light').hidden;
}

/** Only while the key or the button is held: nobody is left wondering where the points are. */
function hidePoints(hidden) {
  root.classList.toggle('fkd-points-hidden', hidden);
  button('peek').setAttribute('aria-pressed', String(hidden));
}

function peekPressed(event) {
  if (!event.target.closest('[data-action="peek"]')) return;
  hidePoints(true);
  window.addEventListener('pointerup', endPeek);
  window.addEventListener('pointercancel', endPeek);
}

function endPeek() {
  hidePoints(false);
  window.removeEventListener('pointerup', endPeek);
  window.removeEventListener('pointercancel', endPeek);
}
