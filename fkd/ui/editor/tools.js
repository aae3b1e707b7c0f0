// What a drag on the photo does when it is not for a point. Each tool has a button, so that touch can do what a mouse
// does with Shift or Alt; a hint says which one is on.

const TOOLS = {
  add: 'Drag a box round the face. Esc cancels.',
  select: 'Drag a box round points, or tap them one by one. Esc ends.',
  whole: 'The whole face: drag to move it, turn and scale it with two fingers or Alt + wheel. Esc ends.',
};

function setTool(tool) {
  editor.tool = tool;
  clearHint();
  draw();
}

function toggleTool(tool) {
  if (gesture) finishGesture();
  setTool(editor.tool === tool ? '' : tool);
}

function drawTools() {
  const face = currentFace();
  const buttons = { add: 'add-face', select: 'select', whole: 'whole' };
  Object.entries(buttons).forEach(([tool, action]) => {
    button(action).setAttribute('aria-pressed', String(editor.tool === tool));
    button(action).disabled = tool !== 'add' && !face;
  });
  stage.dataset.tool = editor.tool;
}
