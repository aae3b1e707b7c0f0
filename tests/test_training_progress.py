"""What a training tells the person who waits for it."""

from __future__ import annotations

import sys

from training.progress import TrainingBar

ROW = {"epoch": 1, "loss": 2.345, "seconds": 90.0, "nme_iod": 0.0512, "rmse_unit": 0.02}


class Terminal:
    """Standard error as a terminal, which tqdm draws a bar on."""

    def __init__(self):
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_a_bar_with_loss_error_and_time_left(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with TrainingBar(epochs=3) as bar:
        bar.step(1, 6, 9.0)
        bar.epoch(ROW)
        for step in range(2, 7):
            bar.step(step, 6, 2.0)
    assert "train" in terminal.text and "6/6" in terminal.text and "<" in terminal.text  # spent < left
    assert "loss=2.00" in terminal.text and "held_out=5.12%" in terminal.text and "epoch" not in terminal.text


def test_a_run_that_goes_on_does_not_count_the_steps_before(monkeypatch):
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with TrainingBar(epochs=3) as bar:
        bar.step(5, 6, 2.0)
        assert bar._bar.initial == 4 and bar._bar.n == 5
        bar.step(6, 6, 2.0)
    assert "6/6" in terminal.text


def test_a_log_file_gets_a_line_an_epoch(capsys):
    with TrainingBar(epochs=3) as bar:
        bar.step(2, 6, 2.345)
        bar.epoch(ROW)
        bar.epoch(ROW | {"epoch": 2, "seconds": 180.0, "nme_iod": None})
        bar.epoch({"epoch": 3, "loss": 2.0, "seconds": 270.0})
    first, second, third = capsys.readouterr().err.splitlines()
    assert first == "epoch 1/3: loss 2.35, held-out error 5.12%, 03:00 left"
    assert second.endswith("held-out error 2.00% of the crop, 01:30 left")
    assert third.startswith("epoch 3/3: loss 2.00") and third.endswith("00:00 left")


def test_the_other_processes_keep_quiet(capsys):
    with TrainingBar(epochs=3, shown=False) as bar:
        bar.step(2, 6, 2.345)
        bar.epoch(ROW)
    assert capsys.readouterr() == ("", "")
