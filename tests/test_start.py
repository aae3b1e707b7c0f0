"""``python app.py``: its options, and how it starts and does not start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import gradio as gr
import pytest

from fkd.correction_store import CorrectionStore
from fkd.ui.options import build_parser, rules_for
from fkd.ui.rights import Person, Right, Rules
from fkd.ui.serve import addresses
from fkd.ui.start import main
from tests.correction_samples import a_correction
from tests.hub_fixtures import put_on_hub
from tests.nets import tiny_net

APP = Path(__file__).parent.parent / "app.py"


def run_app(*arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, str(APP), *arguments], capture_output=True, text=True, check=False)


@pytest.fixture(autouse=True)
def uploads_elsewhere(monkeypatch, tmp_path):
    """What `main` sets for a process would outlive the test."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))


@pytest.fixture
def launched(monkeypatch) -> list[dict]:
    """What the app was launched with, without launching it."""
    launches = []

    def launch(page, **options):
        launches.append(options)
        return None, "http://127.0.0.1:7860/", "https://abc.gradio.live" if options["share"] else None

    monkeypatch.setattr(gr.Blocks, "launch", launch)
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda page: None)
    for name in (
        "SYSTEM",
        "SPACE_HOST",
        "FKD_JOBS_FLAVOR",
        "FKD_SAVING",
        "FKD_OWNERS",
        "FKD_OWNER_PASSWORD",
        "FKD_LINK_KEY",
    ):
        monkeypatch.delenv(name, raising=False)
    return launches


def rules(*arguments: str) -> Rules:
    return rules_for(build_parser().parse_args(arguments))


def test_help_documents_every_option():
    done = run_app("--help")
    assert done.returncode == 0 and done.stderr == ""
    for option in (
        "host",
        "port",
        "share",
        "device",
        "scheme",
        "weights",
        "annotations",
        "runs",
        "auth",
        "saving",
        "owners",
    ):
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


def test_it_starts_where_nothing_can_be_saved_and_says_so(launched, capsys, tmp_path):
    CorrectionStore(tmp_path).append(a_correction())
    lock = tmp_path / "corrections.csv.lock"
    lock.unlink(missing_ok=True)
    lock.mkdir()  # a lock that nobody can take, whatever their rights
    assert main(["--device", "cpu", "--annotations", str(tmp_path)]) == 0
    assert "no face can be saved until that is mended" in capsys.readouterr().err and launched


@pytest.mark.parametrize(
    "arguments",
    [["--auth", "ada"], ["--auth", ":x"], ["--auth", "ada:"], ["--scheme", "wflw98"], ["--port", "http"]],
)
def test_a_wrong_command_line_ends_with_2(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2 and "usage: app.py" in capsys.readouterr().err


def test_an_app_that_only_this_machine_reaches_needs_no_password(launched):
    for host in ("127.0.0.1", "localhost", "::1"):
        assert not rules("--host", host).public and not rules("--host", host).owner_password


def test_an_app_that_others_reach_makes_up_a_password_for_its_owner(launched, monkeypatch):
    for arguments in (["--share"], ["--host", "0.0.0.0"], ["--host", "my-machine"]):
        first, second = rules(*arguments), rules(*arguments)
        assert first.public and len(first.owner_password) > 10 and first.owner_password != second.owner_password
    monkeypatch.setenv("FKD_OWNER_PASSWORD", "mine")
    assert rules("--share").owner_password == "mine"


def test_a_space_has_owners_by_login_and_prints_no_password(launched, monkeypatch):
    monkeypatch.setenv("SYSTEM", "spaces")
    monkeypatch.setenv("FKD_OWNERS", "ada, grace,")
    monkeypatch.setenv("FKD_SAVING", "login")
    in_space = rules()
    assert in_space.public and not in_space.owner_password and in_space.owners == {"ada", "grace"}
    assert in_space.may(Person(name="tim"), Right.SAVE) and not in_space.may(Person(), Right.SAVE)


def test_the_link_for_annotators_carries_the_key_and_the_local_address_does_not(launched, monkeypatch):
    monkeypatch.setenv("FKD_LINK_KEY", "a key")
    said = addresses(rules("--share", "--saving", "link"), "http://127.0.0.1:7860/", "https://abc.gradio.live")
    assert said[0] == "Open http://127.0.0.1:7860/"
    assert said[1] == "For annotators: https://abc.gradio.live/?key=a%20key (whoever has it may save)."
    assert sum("gradio.live" in sentence for sentence in said) == 1


def test_in_a_space_the_link_has_its_address(launched, monkeypatch):
    monkeypatch.setenv("SYSTEM", "spaces")
    monkeypatch.setenv("SPACE_HOST", "ada-fkd.hf.space")
    monkeypatch.setenv("FKD_LINK_KEY", "k3y")
    said = addresses(rules("--host", "0.0.0.0", "--saving", "link"), "http://0.0.0.0:7860/", None)
    assert said == [
        "Open https://ada-fkd.hf.space/",
        "For annotators: https://ada-fkd.hf.space/?key=k3y (whoever has it may save).",
    ]


def test_a_public_link_that_cannot_be_made_is_told(launched):
    said = addresses(rules("--share"), "http://127.0.0.1:7860/", None, share=True)
    assert "The public link could not be made" in said[1] and not any("For annotators" in one for one in said)


def test_a_password_that_was_given_is_not_printed(launched, monkeypatch):
    made_up = rules("--share")
    assert made_up.owner_password in " ".join(addresses(made_up, "http://127.0.0.1:7860/", None))
    monkeypatch.setenv("FKD_OWNER_PASSWORD", "mine-alone")
    assert "mine-alone" not in " ".join(addresses(rules("--share"), "http://127.0.0.1:7860/", None))


def test_uploads_are_smaller_where_strangers_are(launched, tmp_path):
    for arguments in ([], ["--share"]):
        assert main([*arguments, "--device", "cpu", "--annotations", str(tmp_path / "a")]) == 0
    assert [options["max_file_size"] for options in launched] == ["4gb", "16mb"]
    assert not any(options["enable_monitoring"] for options in launched)


def test_it_starts_with_the_newest_of_the_hub_and_says_so(hub, launched, tmp_path, monkeypatch, capsys):
    tiny_net(version="v1").save_pretrained(tmp_path / "v1")
    put_on_hub(hub, tmp_path / "v1")
    monkeypatch.setenv("FKD_HUB_WEIGHTS", "ada/faces")
    arguments = ["--scheme", "kaggle15", "--device", "cpu", "--annotations", str(tmp_path / "a"), "--runs"]
    assert main([*arguments, str(tmp_path / "runs")]) == 0
    assert "Serving v1, newest of ada/faces on the Hub, on cpu" in capsys.readouterr().out
    assert main([*arguments, str(tmp_path / "runs"), "--weights", "kaggle15"]) == 0
    said = capsys.readouterr()
    assert "Serving kaggle15-" in said.out and "ada/faces on the Hub is not asked" in said.err


def test_what_is_no_repository_is_a_sentence(launched, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FKD_HUB_CORRECTIONS", "nonsense")
    assert main(["--device", "cpu", "--annotations", str(tmp_path)]) == 1
    assert "“nonsense” is no repository of the Hub" in capsys.readouterr().err and not launched
