"""What several test modules share: the predictor with the shipped weights, loaded once."""

from __future__ import annotations

import pytest
import torch

from fkd import KeypointPredictor
from tests.hub_fixtures import hub  # noqa: F401
from tests.hub_jobs import job  # noqa: F401


@pytest.fixture(scope="session")
def predictor() -> KeypointPredictor:
    return KeypointPredictor.from_pretrained("ibug68", device="cpu")


@pytest.fixture(autouse=True)
def same_random_numbers():
    torch.manual_seed(0)
