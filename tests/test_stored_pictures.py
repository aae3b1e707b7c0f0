"""Pictures on disk that numpy takes for arrays."""

from __future__ import annotations

import numpy as np
import psutil
import pytest

from fkd.images import read_image
from fkd.stored_pictures import PictureStore


def test_a_stored_picture_is_read_as_an_array_of_three_equal_channels():
    store = PictureStore()
    greys = [np.full((20, 30), i, np.uint8) for i in range(3)]
    pictures = [store.add(grey) for grey in greys]
    for grey, picture in zip(greys[::-1], pictures[::-1], strict=True):
        assert picture.shape == (20, 30, 3)
        for pixels in (np.asarray(picture), read_image(picture), np.ascontiguousarray(picture)):
            np.testing.assert_array_equal(pixels, np.stack([grey] * 3, axis=-1))
            assert pixels.dtype == np.uint8
    assert np.asarray(pictures[1], dtype=np.float64).mean() == 1.0
    with pytest.raises(ValueError, match="without a copy"):
        pictures[0].__array__(copy=False)


def test_thousands_of_pictures_take_the_memory_of_their_names():
    store, grey = PictureStore(), np.zeros((96, 96), np.uint8)
    before = psutil.Process().memory_info().rss
    pictures = [store.add(grey) for _ in range(3_000)]  # 28 MB
    assert sum(np.asarray(picture).size for picture in pictures) == 3_000 * 96 * 96 * 3
    assert psutil.Process().memory_info().rss - before < 8e6
