"""A document for the editor whose points settle."""

from __future__ import annotations

import numpy as np

from fkd.settle import SettlePrior
from fkd.ui.editor import EditorDocument, packed_prior

__all__ = ["settling"]


def settling(document: EditorDocument) -> EditorDocument:
    """Half of each error is the whole face's: a point that is moved takes the others half the way along."""
    n_points = len(document.names)
    shared = np.kron(np.ones((n_points, n_points)), np.eye(2))
    document.settle_prior = packed_prior(SettlePrior(shared + np.eye(2 * n_points)))
    for face in document.faces:
        face.spread = [1.0] * n_points
    return document
