"""The card of a version of weights on the Hub: README.md with its metadata, and a picture of what it predicts."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from fkd.versions import UNLABELLED, Measured

__all__ = ["LICENCE", "model_card", "sample_picture"]

LICENCE = """\
These weights were trained on research data sets (HELEN, LFPW, AFW and YouTube Faces with 300-W annotations; data in
the layout of Kaggle's Facial Keypoints Detection), whose terms allow research use only. So do these weights.
The code that made them, fkd, is under Apache-2.0.
"""

# What the Hub calls a measure, by the end of its name in config.json: identifier, heading, factor for people.
_MEASURES = {
    "_nme_iod": ("nme", "NME, %", 100.0),
    "_NME": ("nme", "NME, %", 100.0),
    "_rmse_px": ("rmse", "RMSE, px", 1),
}
_PORTRAIT = Path(__file__).parent / "ui" / "assets" / "grace_hopper.jpg"
_SAMPLE_WIDTH_PX = 384


def model_card(
    config: dict,
    repo: str,
    *,
    before: dict | None = None,
    measured: Sequence[Measured] = (),
    base_repo: str | None = None,
    corrections_repo: str | None = None,
) -> str:
    """README.md of the weights that ``config.json`` describes: metadata as the Hub reads it, then words for people.

    The metadata's fields are those of https://huggingface.co/docs/hub/model-cards.

    Args:
        config: the decoded ``config.json``.
        repo: ``user/name`` that the weights go to.
        before: the ``config.json`` of the version that was newest there, whose numbers stand beside the new ones.
        measured: before and after on the same faces, as a fine-tune measured them.
        base_repo: the repository that the parent is in, where it is another one.
        corrections_repo: the dataset repository whose corrections the weights learnt from.
    """
    data = _metadata(config, repo, base_repo, corrections_repo).to_yaml()
    parent = f", fine-tuned from {config['parent']}" if config.get("parent") else ""
    trained_on = "\n".join(f"- {line}" for line in config.get("trained_on", ())) or "- not said"
    return f"""---
{data}
---

# {config["version"]}

Keypoints of faces by the scheme `{config["scheme"]}`{parent}.
Weights of fkd: facial keypoints that a person can correct.

![A portrait with the points that these weights predict](sample.png)

```python
from fkd import KeypointPredictor

predictor = KeypointPredictor.from_pretrained("{repo}", revision="{config["version"]}")
for face in predictor("photo.jpg"):
    print(face.points, face.confidence)
```

## Measured

{_table(config, before, measured)}

NME is the mean distance of a face's points from their labels over the distance between its outer eye corners.

## Trained on

{trained_on}

## Licence

{LICENCE}
## Limits

They err most on extreme profiles, drawings, masks and heavy occlusion. `confidence` is their own estimate. Faces of
people whom the data sets hardly show may be served worse: measure on your own before you rely on them.
"""


def sample_picture(folder: Path) -> bytes:
    """The portrait that fkd brings along (public domain) with the points that the weights in `folder` predict, a PNG.

    Raises:
        WeightsError: if they cannot be loaded.
    """
    from fkd.drawing import draw_faces
    from fkd.predictor import KeypointPredictor

    predictor = KeypointPredictor.from_pretrained(folder.resolve(), device="cpu")
    faces = predictor(_PORTRAIT)
    drawn = draw_faces(
        _PORTRAIT, [face.points for face in faces], predictor.scheme.edges,
        confidence=[face.confidence for face in faces],
    )  # fmt: skip
    drawn.thumbnail((_SAMPLE_WIDTH_PX, 2 * _SAMPLE_WIDTH_PX))
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG")
    return buffer.getvalue()


def _metadata(config: dict, repo: str, base_repo: str | None, corrections_repo: str | None):
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="keypoint-detection",
            dataset_type=name.split("_")[0],
            dataset_config=name.removesuffix(ending),  # tells two measures on one data set apart
            dataset_name=_words(name.removesuffix(ending)),
            metric_type=identifier,
            metric_name=heading,
            metric_value=round(value * factor, 3),
        )
        for name, value, ending, (identifier, heading, factor) in _measures(config)
    ]
    named = [line.split()[0].strip("(,;:") for line in config.get("trained_on", ()) if line.split()]
    return ModelCardData(
        license="other",
        license_name="research-only",
        license_link="LICENSE.md",
        library_name="fkd",
        pipeline_tag="keypoint-detection",
        tags=["facial-keypoints", "face-alignment", "keypoint-detection", config["scheme"], "model_hub_mixin"],
        datasets=[*([corrections_repo] if corrections_repo else []), *dict.fromkeys(named)] or None,
        metrics=sorted({result.metric_type for result in results}) or None,
        base_model=base_repo if base_repo != repo else None,
        model_name=repo.split("/")[1],
        eval_results=results or None,
    )


def _table(config: dict, before: dict | None, measured: Sequence[Measured]) -> str:
    old = {name: value for name, value, *_ in _measures(before or {})}
    rows = [
        (_words(name.removesuffix(ending)), heading, old.get(name), value, factor)
        for name, value, ending, (_, heading, factor) in _measures(config)
    ]
    for one in measured:
        moved = one.what == UNLABELLED  # there is no error, but how far the points moved
        heading, was = ("points moved, % of the eye distance", None) if moved else ("NME, %", one.before)
        rows.append((f"{one.what}, {one.n} faces", heading, was, one.after, 100.0))
    if not rows:
        return "Nothing was measured."
    head = "| faces | measure | before | after |\n|---|---|---|---|\n"
    return head + "\n".join(
        f"| {what} | {heading} | {'–' if was is None else f'{was * factor:.2f}'} | {now * factor:.2f} |"
        for what, heading, was, now, factor in rows
    )


def _measures(config: dict):
    """(name, value, ending, what the Hub calls it) of every measured error in a config."""
    for name, value in config.get("metrics", {}).items():
        ending = next((ending for ending in _MEASURES if name.endswith(ending)), None)
        if ending and isinstance(value, (int, float)):
            yield name, value, ending, _MEASURES[ending]


def _words(name: str) -> str:
    return name.strip("_").replace("_", " ") or "faces"
