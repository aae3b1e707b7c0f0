"""onnxruntime on the CPU, beside PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnxruntime

__all__ = ["cpu_session"]


def cpu_session(model: bytes, threads: int | None = None) -> onnxruntime.InferenceSession:
    """A session that computes an ONNX model on the CPU.

    threads: how many it may use; None leaves it to onnxruntime, which takes all cores.

    Raises onnxruntime's errors, which have no base but Exception in common, for bytes that are no model it can run.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
    # By default its threads spin after each run, waiting for the next, and take the cores from whatever comes in
    # between: PyTorch, drawing, the other session. Without, a photo takes 170 ms instead of 240 on two cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
