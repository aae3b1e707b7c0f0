"""``python -m fkd predict``: the keypoints of every face in photos."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path

from fkd.errors import ImageError, WeightsError
from fkd.schemes import scheme_names

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    predict = commands.add_parser(
        "predict",
        help="find every face in photos and predict its keypoints",
        description="Find every face in photos and predict its keypoints. Points are in pixels of the upright photo.",
        epilog="Example: python -m fkd predict party.jpg --json --overlay out/",
    )
    predict.add_argument("photos", nargs="+", metavar="PHOTO", help="a picture file")
    predict.add_argument("--scheme", choices=scheme_names(), help="shipped weights of this scheme (default: ibug68)")
    predict.add_argument("--weights", metavar="W", help="a shipped name, a folder or a Hub id, instead of --scheme")
    predict.add_argument(
        "--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="where to compute (default: auto)"
    )
    form = predict.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a photo, one a line")
    form.add_argument("--csv", action="store_true", help="one line a face: image, box, score, then x, y, confidence")
    predict.add_argument("--overlay", metavar="DIR", type=Path, help="write each photo with its points drawn on, here")
    predict.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from fkd.images import read_image
    from fkd.predictor import KeypointPredictor

    predictor = KeypointPredictor.from_pretrained(options.weights or options.scheme or "ibug68", device=options.device)
    scheme = predictor.scheme
    if options.scheme and options.scheme != scheme.name:
        raise WeightsError(f"The weights “{options.weights}” are for {scheme.name}, not for {options.scheme}.")
    table = csv.writer(sys.stdout, lineterminator="\n")
    if options.csv:
        columns = [f"{name}_{part}" for name in scheme.names for part in ("x", "y", "confidence")]
        table.writerow(["image", "face", "box_x0", "box_y0", "box_x1", "box_y1", "score", *columns])
    failed, written = 0, set()
    for photo in options.photos:
        try:
            image = read_image(photo)
            faces = predictor(image)
            if options.json:
                print(json.dumps(as_json(photo, image.shape, scheme.name, faces)), flush=True)
            elif options.csv:
                table.writerows(as_row(photo, i, face) for i, face in enumerate(faces))
            else:
                print(as_line(photo, faces), flush=True)
            if options.overlay:
                write_overlay(options.overlay, photo, image, faces, scheme, written)
        except ImageError as error:
            print(f"fkd: {photo}: {error}", file=sys.stderr)
            failed += 1
    return 1 if failed else 0


def as_line(photo: str, faces: list) -> str:
    count = {0: "no face", 1: "1 face"}.get(len(faces), f"{len(faces)} faces")
    sure = ", ".join(f"{face.confidence.mean():.0%}" for face in faces)
    return f"{photo}: {count}" + (f", mean confidence {sure}" if faces else "")


def as_json(photo: str, shape: tuple[int, ...], scheme: str, faces: list) -> dict:
    """One photo's faces as plain JSON types: pixels to 0.01, shares to 0.0001."""
    return {
        "image": photo,
        "width": shape[1],
        "height": shape[0],
        "scheme": scheme,
        "faces": [
            {
                "box_xyxy": face.box_xyxy.round(2).tolist(),
                "score": round(face.score, 4),
                "points": face.points.round(2).tolist(),
                "confidence": face.confidence.round(4).tolist(),
            }
            for face in faces
        ],
    }


def as_row(photo: str, index: int, face) -> list:
    points = [
        value
        for (x, y), sure in zip(face.points, face.confidence, strict=True)
        for value in (round(x, 2), round(y, 2), round(sure, 4))
    ]
    return [photo, index, *face.box_xyxy.round(2).tolist(), round(face.score, 4), *points]


def write_overlay(folder: Path, photo: str, image, faces: list, scheme, written: set[Path]) -> None:
    """Draw the faces and save the picture under the photo's name, unless another photo of this run took it."""
    from fkd.drawing import draw_faces

    drawn = draw_faces(
        image, [face.points for face in faces], scheme.edges,
        boxes=[face.box_xyxy for face in faces], confidence=[face.confidence for face in faces],
    )  # fmt: skip
    # The whole name stays in, so that a.jpg and a.png do not overwrite each other.
    name, path, number = Path(photo).name, folder / f"{Path(photo).name}.png", 1
    while path in written:
        number += 1
        path = folder / f"{name}-{number}.png"
    written.add(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        drawn.save(path)
    except OSError as error:
        reason = error.strerror or error
        raise ImageError(f"The overlay cannot be written to {path}: {reason}.") from error
