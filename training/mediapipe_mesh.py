"""MediaPipe's face mesh as something to be measured against; it is no requirement of fkd.

Its wheels up to 0.10.21 carry the models (``mediapipe.solutions``, Kartynnik et al. 2019,
https://arxiv.org/abs/1907.06724); later ones want them downloaded.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fkd
from fkd.errors import FkdError
from fkd.images import read_image

__all__ = ["mesh_variants"]

PORTRAIT = Path(fkd.__file__).parent / "ui" / "assets" / "grace_hopper.jpg"


def mesh_variants() -> dict[str, Callable[[], object]]:
    """From one picture to its 468 points: the mesh alone, the mesh with its model of lips and eyes, and the mesh after
    a search for the face.

    MediaPipe runs the mesh alone while it follows a face from picture to picture; here it sees one picture again and
    again.

    Raises:
        FkdError: if it is not installed, or does not find the face.
    """
    try:
        from mediapipe.python.solutions.face_mesh import FaceMesh
    except ImportError as error:
        raise FkdError(
            "MediaPipe with its face mesh is not installed here. In an environment of its own: "
            "pip install mediapipe==0.10.21 -r requirements.txt"
        ) from error
    picture = read_image(PORTRAIT)
    meshes = {
        "MediaPipe face mesh": FaceMesh(max_num_faces=1),
        "MediaPipe face mesh, refined": FaceMesh(max_num_faces=1, refine_landmarks=True),
        "MediaPipe face mesh and its detector": FaceMesh(max_num_faces=1, static_image_mode=True),
    }
    for name, mesh in meshes.items():
        if not mesh.process(picture).multi_face_landmarks:
            raise FkdError(f"{name}: it does not find the face in the picture that it is measured with.")
    return {name: lambda mesh=mesh: mesh.process(picture) for name, mesh in meshes.items()}
