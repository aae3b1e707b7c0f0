"""JPEG's artefacts without a file: beside what a file really does to a picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from PIL import Image

from tests.pictures import portrait
from training.jpeg import BLOCK_PX, recompressed

QUALITIES = [20, 35, 50, 65, 80]


def face() -> torch.Tensor:
    """(1, 3, 232, 200) in whole levels: multiples of 8, not of 16."""
    return as_batch(np.ascontiguousarray(portrait()[110:342, 160:360]))


def as_batch(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(picture.copy()).permute(2, 0, 1)[None].float()


def through_a_file(picture: torch.Tensor, quality: int) -> torch.Tensor:
    """What PIL, that is libjpeg, writes and reads again."""
    content = io.BytesIO()
    image = Image.fromarray(picture[0].permute(1, 2, 0).byte().numpy())
    image.save(content, "JPEG", quality=quality, subsampling="4:4:4")
    return as_batch(np.asarray(Image.open(content)))


def at(picture: torch.Tensor, *quality: float) -> torch.Tensor:
    return recompressed(picture.expand(len(quality), -1, -1, -1), torch.tensor(quality, dtype=torch.float32))


def apart(first: torch.Tensor, second: torch.Tensor) -> float:
    """Mean absolute difference in levels."""
    return (first - second).abs().mean().item()


@pytest.mark.parametrize("quality", QUALITIES)
def test_it_does_what_a_file_does(quality):
    ours, theirs = at(face(), quality), through_a_file(face(), quality)
    artefacts = theirs - face()
    # What is left is that files hold whole levels, which are rounded twice on the way.
    assert apart(ours, theirs) < 1.0 and apart(ours, theirs) < 0.4 * artefacts.abs().mean()
    assert np.corrcoef((ours - face()).ravel(), artefacts.ravel())[0, 1] > 0.9


def test_less_quality_leaves_less_of_the_picture():
    losses = [apart(each, face()[0]) for each in at(face(), *QUALITIES, 95, 100)]
    assert losses == sorted(losses, reverse=True) and losses[0] > 3
    assert losses[-2] < 1.5 and losses[-1] < 0.5, "95 and 100 change almost nothing"


def test_the_mean_colour_and_the_range_are_kept():
    noise = torch.rand(1, 3, 32, 48, generator=torch.Generator().manual_seed(0)) * 255
    for picture in (face(), noise.round(), torch.zeros(1, 3, 8, 8), torch.full((1, 3, 8, 8), 255.0)):
        for found in at(picture, *QUALITIES):
            torch.testing.assert_close(found.mean(dim=(1, 2)), picture[0].mean(dim=(1, 2)), atol=2.0, rtol=0)
            assert found.min() >= 0 and found.max() <= 255


def test_blocks_know_nothing_of_each_other_nor_pictures_of_theirs():
    blotted = face()
    blotted[..., BLOCK_PX : 2 * BLOCK_PX, :BLOCK_PX] = torch.tensor([255.0, 0.0, 0.0])[:, None, None]
    changed = (at(blotted, 40) - at(face(), 40)).abs().amax(dim=1)[0] > 1e-3
    ys, xs = torch.nonzero(changed).T
    assert (ys.min(), ys.max(), xs.min(), xs.max()) == (8, 15, 0, 7)
    batch = recompressed(torch.cat([face(), blotted]), torch.tensor([20.0, 70.0]))
    torch.testing.assert_close(batch[:1], at(face(), 20), atol=1e-3, rtol=0)
    torch.testing.assert_close(batch[1:], at(blotted, 70), atol=1e-3, rtol=0)


def test_no_picture_is_no_trouble_and_none_is_changed_in_its_place():
    assert recompressed(torch.zeros(0, 3, 16, 16), torch.zeros(0)).shape == (0, 3, 16, 16)
    picture = face()
    at(picture, 20)
    assert torch.equal(picture, face())
