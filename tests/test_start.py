"""``python app.py``: its options, and how it starts and does not start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest

from fkd.ui.start import build_parser, main

APP = Path(__file__).parent.parent / "app.py"


def run_app(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(APP), *arguments], capture_output=True, text=True, check=False)


@pytest.fixture
def launched(monkeypatch) -> list[dict]:
    """What the app was launched with, without launching it."""
    launches = []
    monkeypatch.setattr(gr.Blocks, "launch", lambda page, **options: launches.append(options))
    return launches


def test_help_documents_every_option():
    done = run_app("--help")
    assert done.returncode == 0 and done.stderr == ""
    for option in ("host", "port", "share", "device", "scheme", "weights", "annotations", "runs", "auth"):
        assert f"--{option}" in done.stdout
    assert all(action.help for action in build_parser()._actions)


def test_weights_that_are_not_there_are_one_sentence_and_exit_1():
    done = run_app("--weights", "nothing", "--device", "cpu")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("app.py: There are no weights “nothing”.") and done.stderr.count("\n") == 1


def test_by_default_it_listens_on_this_machine_only_and_shares_nothing(launched, tmp_path, capsys):
    assert main(["--annotations", str(tmp_path / "faces"), "--device", "cpu"]) == 0
    (options,) = launched
    assert (options["server_name"], options["server_port"]) == ("127.0.0.1", 7860)
    assert options["share"] is False and options["auth"] is None
    assert f"corrections go to {tmp_path / 'faces'}" in capsys.readouterr().out


def test_options_reach_the_server(launched, tmp_path):
    arguments = ["--host", "0.0.0.0", "--port", "8123", "--share", "--auth", "ada:b:c", "--auth", "grace:x"]
    assert main([*arguments, "--device", "cpu", "--annotations", str(tmp_path)]) == 0
    (options,) = launched
    assert (options["server_name"], options["server_port"], options["share"]) == ("0.0.0.0", 8123, True)
    assert options["auth"] == [("ada", "b:c"), ("grace", "x")]


def test_a_port_that_is_taken_is_a_sentence(monkeypatch, capsys, tmp_path):
    def launch(page, **options):
        raise OSError("Cannot find empty port in range: 7860-7860")

    monkeypatch.setattr(gr.Blocks, "launch", launch)
    assert main(["--device", "cpu", "--annotations", str(tmp_path)]) == 1
    assert capsys.readouterr().err == "app.py: Cannot find empty port in range: 7860-7860\n"


def test_a_foreign_corrections_file_is_told_of_before_the_first_save(launched, capsys, tmp_path):
    (tmp_path / "corrections.csv").write_text("name,price\n")
    assert main(["--device", "cpu", "--annotations", str(tmp_path)]) == 1
    assert "is not a corrections file that this fkd reads" in capsys.readouterr().err and not launched


@pytest.mark.parametrize(
    "arguments",
    [["--auth", "ada"], ["--auth", ":x"], ["--auth", "ada:"], ["--scheme", "wflw98"], ["--port", "http"]],
)
def test_a_wrong_command_line_ends_with_2(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "usage: app.py" in capsys.readouterr().err
