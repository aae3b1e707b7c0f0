"""What tests/test_training_processes.py runs in two processes: RUN gets the run, and the weights of each process.

``taught`` after RUN: for an epoch, with a teacher.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import torch

from fkd import load_scheme
from tests.nets import dotted_faces, tiny_net
from training.config import TrainConfig
from training.dataset import FaceSet, make_face_set
from training.loop import fit
from training.processes import join_processes

SCHEME = load_scheme("kaggle15")
CONFIG = TrainConfig(
    epochs=16, batch_size=32, lr=2e-2, ema_decay=0.8, heat_weight=0.1, augmentation="flip", device="cpu", threads=1
)


def some_faces(process: int = 0, processes: int = 1) -> FaceSet:
    """This process's part of 64 times one face, which the augmentation mirrors or not."""
    return make_face_set((dotted_faces(1) * 64)[process::processes], SCHEME, 64)


if __name__ == "__main__":
    run, here = Path(sys.argv[1]), join_processes(CONFIG)
    own, all_faces = some_faces(here.process_index, here.num_processes), some_faces()
    net, teachers, config = tiny_net(), [], CONFIG
    if sys.argv[2:] == ["taught"]:
        teachers, config = [tiny_net(seed=1)], replace(CONFIG, epochs=1, teacher="tiny-1")
    fit(net, own, all_faces if here.is_main_process else None, config, run, teachers=teachers)
    torch.save(dict(net.named_parameters()), run / f"process-{here.process_index}.pt")
