"""What several test modules share: the predictor with the shipped weights, loaded once."""

from __future__ import annotations

import os

# Before anything loads torch, for this process and those that it starts: many small networks on a few cores that other
# tests want too. Threads that wait for each other there take several times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

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
