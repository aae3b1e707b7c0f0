"""``python -m fkd video``: the faces of a clip, followed from frame to frame."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from fkd.errors import WeightsError
from fkd.schemes import scheme_names

__all__ = ["add_parser"]


def add_parser(commands: argparse._SubParsersAction) -> None:
    video = commands.add_parser(
        "video",
        help="follow the faces of a clip and write their keypoints",
        description="Follow every face of a clip, and write an MP4 with the points drawn on it and its sound, a CSV "
        "of all frames, and which frames a person should look at: those where points jump or the network is unsure.",
        epilog="Example: python -m fkd video interview.mp4 --out interview --queue doubtful",
    )
    video.add_argument("clip", metavar="CLIP", type=Path, help="a video file")
    video.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for the MP4 and the CSV")
    video.add_argument("--queue", metavar="DIR", type=Path, help="write the doubtful frames as pictures, here")
    video.add_argument("--scheme", choices=scheme_names(), help="shipped weights of this scheme (default: ibug68)")
    video.add_argument("--weights", metavar="W", help="a shipped name, a folder or a Hub id, instead of --scheme")
    video.add_argument(
        "--device", default="auto", choices=["auto", "cpu", "cuda", "mps"], help="where to compute (default: auto)"
    )
    video.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    from fkd.predictor import KeypointPredictor
    from fkd.video import annotate_clip

    predictor = KeypointPredictor.from_pretrained(options.weights or options.scheme or "ibug68", device=options.device)
    if options.scheme and options.scheme != predictor.scheme.name:
        theirs = predictor.scheme.name
        raise WeightsError(f"The weights “{options.weights}” are for {theirs}, not for {options.scheme}.")
    start_s = time.perf_counter()
    show = _progress_line if sys.stderr.isatty() else lambda share, what: None
    done = annotate_clip(options.clip, options.out, predictor, queue=options.queue, progress=show)
    took_s = time.perf_counter() - start_s
    faces = "1 face" if done.n_faces == 1 else f"{done.n_faces} faces"
    print(f"{options.clip}: {done.frames} frames, {faces}, {done.frames / took_s:.1f} frames a second")
    print(f"{done.video}\n{done.table}")
    for frame in done.doubtful:
        print(f"look at frame {frame.frame} ({frame.time_s:.2f} s): face {frame.face_id} {_WHY[frame.why]}")
    for path in done.queued:
        print(path)
    return 0


_WHY = {"jumps": "jumps", "unsure": "is uncertain", "lost": "is not found for a while"}


def _progress_line(share: float, what: str) -> None:
    print(f"\r{what}: {share:4.0%}", end="" if share < 1 else "\n", file=sys.stderr, flush=True)
