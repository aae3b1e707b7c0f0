// Fix one point, the rest settle: the conditional mean of a Gaussian, as fkd/settle.py computes it and explains it.
// Pure functions of their arguments; settling.js puts them to use.

/** The document's prior, base64 of the float32 rows of a lower triangle, as {size, covariance}; null if there is none. */
function readPrior(text) {
  if (!text) return null;
  const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const size = Math.round((Math.sqrt(1 + 2 * bytes.length) - 1) / 2); // bytes = 4 · size · (size + 1) / 2
  const covariance = new Float64Array(size * size);
  let at = 0;
  for (let row = 0; row < size; row += 1) {
    for (let column = 0; column <= row; column += 1) {
      covariance[row * size + column] = view.getFloat32(at, true);
      covariance[column * size + row] = covariance[row * size + column];
      at += 4;
    }
  }
  return { size, covariance };
}

/**
 * Where the points of a face are, given those that a person placed: K pairs, null where nothing is known.
 * `predicted` and `placed` are K pairs or nulls, `spread` K positive numbers, `roll` radians.
 */
function settledPoints(prior, predicted, spread, roll, placed) {
  const settled = placed.map((point, index) => point || predicted[index]);
  const seen = placed.flatMap((point, index) => (point && predicted[index] ? [index] : []));
  if (!seen.length) return settled;
  const [cos, sin] = [Math.cos(roll), Math.sin(roll)];
  const rows = seen.flatMap((index) => [2 * index, 2 * index + 1]);
  const weights = new Float64Array(rows.length);
  seen.forEach((index, order) => {
    const [dx, dy] = [placed[index][0] - predicted[index][0], placed[index][1] - predicted[index][1]];
    weights[2 * order] = (cos * dx + sin * dy) / spread[index]; // turned by -roll
    weights[2 * order + 1] = (cos * dy - sin * dx) / spread[index];
  });
  solve(amongThem(prior, rows), weights);
  predicted.forEach((point, index) => {
    if (!point || placed[index]) return;
    const x = spread[index] * weighted(prior, 2 * index, rows, weights);
    const y = spread[index] * weighted(prior, 2 * index + 1, rows, weights);
    settled[index] = [point[0] + cos * x - sin * y, point[1] + sin * x + cos * y];
  });
  return settled;
}

/** The covariance among some coordinates, row by row. */
function amongThem({ size, covariance }, rows) {
  const part = new Float64Array(rows.length * rows.length);
  rows.forEach((row, i) => rows.forEach((column, j) => {
    part[i * rows.length + j] = covariance[row * size + column];
  }));
  return part;
}

function weighted({ size, covariance }, row, columns, weights) {
  let sum = 0;
  for (let i = 0; i < columns.length; i += 1) sum += covariance[row * size + columns[i]] * weights[i];
  return sum;
}

/** Solve matrix · x = right in place by Cholesky's factor; `matrix` is symmetric, positive definite, row by row. */
function solve(matrix, right) {
  const n = right.length;
  for (let i = 0; i < n; i += 1) {
    for (let j = 0; j <= i; j += 1) {
      let sum = matrix[i * n + j];
      for (let k = 0; k < j; k += 1) sum -= matrix[i * n + k] * matrix[j * n + k];
      matrix[i * n + j] = i === j ? Math.sqrt(sum) : sum / matrix[j * n + j];
    }
    for (let k = 0; k < i; k += 1) right[i] -= matrix[i * n + k] * right[k];
    right[i] /= matrix[i * n + i];
  }
  for (let i = n - 1; i >= 0; i -= 1) {
    for (let k = i + 1; k < n; k += 1) right[i] -= matrix[k * n + i] * right[k];
    right[i] /= matrix[i * n + i];
  }
}
