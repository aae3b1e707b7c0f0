"""The page: a Gradio Blocks app around the keypoint editor."""
