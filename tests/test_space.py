"""``python -m fkd space deploy`` against the stand-in Hub, and the README that makes a Space of a repository."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from fkd.cli import main
from fkd.errors import HubError
from fkd.hub_pull import newest_weights
from fkd.space import SpacePlan, deploy, space_readme, space_requirements
from tests.hub_cards import front_matter_errors
from tests.hub_fixtures import put_on_hub
from tests.hub_standin import GRACE, HubStandIn
from tests.nets import tiny_net

ROOT = Path(__file__).parent.parent
PLAN = SpacePlan("ada/fkd", "ada/faces", "ada/corrections", owners=("ada", "grace"))
SPACE = "spaces/ada/fkd"


@pytest.fixture
def clone(tmp_path) -> Path:
    """A clone of a program as small as can be, with what must not leave the machine beside it."""
    root = tmp_path / "clone"
    for name in ("app.py", "fkd/space.py", "fkd/weights/tiny/model.safetensors", "training/loop.py", "LICENSE"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"# {name}\n")
    (root / "README.md").write_text((ROOT / "README.md").read_text(encoding="utf-8"), encoding="utf-8")
    (root / "requirements.txt").write_text("torch\n")
    for name in ("annotations/corrections.csv", "runs/v1/model.safetensors", ".env", "fkd/__pycache__/a.pyc", "fkd/.k"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("private")
    return root


@pytest.fixture
def weights(tmp_path) -> Path:
    tiny_net(version="tiny-1").save_pretrained(tmp_path / "weights")
    return tmp_path / "weights"


@pytest.fixture
def has_weights(hub, weights) -> HubStandIn:
    """The Hub with a model repository that has weights: pushing some takes seconds."""
    put_on_hub(hub, weights)
    return hub


def front_matter(text: str) -> dict:
    return yaml.safe_load(text.split("---")[1])


def test_the_readme_makes_a_space_of_this_repository():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    about = front_matter(readme)
    assert front_matter_errors(readme) == []
    assert (about["sdk"], about["app_file"], about["python_version"]) == ("gradio", "app.py", "3.12")
    assert about["hf_oauth"] is True and (ROOT / about["app_file"]).is_file() and (ROOT / about["thumbnail"]).is_file()
    wanted = next(line for line in (ROOT / "requirements.txt").read_text().splitlines() if line.startswith("gradio["))
    least, below = (tuple(map(int, part.split("."))) for part in wanted.split(">=")[1].split(",<"))
    version = tuple(map(int, about["sdk_version"].split(".")))
    assert least <= version[: len(least)] and version < below


def test_the_front_matter_names_the_repositories_and_keeps_the_rest():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    made = space_readme(readme, PLAN)
    assert front_matter(made) == front_matter(readme) | {"models": ["ada/faces"], "datasets": ["ada/corrections"]}
    assert made.split("---\n", 2)[2].strip() == readme.split("---\n", 2)[2].strip()
    with pytest.raises(HubError, match="no front matter"):
        space_readme("# fkd\n", PLAN)


def test_the_requirements_are_those_of_the_project_with_a_pytorch_that_zero_gpu_has():
    ours = (ROOT / "requirements.txt").read_text(encoding="utf-8")
    changed = set(space_requirements(ours).splitlines()) - set(ours.splitlines())
    assert changed == {"torch>=2.8,<2.12"}


def test_fine_tunes_go_to_jobs_where_that_is_wanted():
    plan = SpacePlan("ada/fkd", "ada/faces", "ada/corrections", jobs="a10g-small", jobs_base=("ada/wild", "ada/more"))
    added = {"FKD_JOBS_FLAVOR": "a10g-small", "FKD_JOBS_BASE": "ada/wild ada/more"}
    assert {name: plan.variables[name] for name in plan.variables if "JOBS" in name} == added
    assert not any("JOBS" in name for name in PLAN.variables)


def test_a_space_and_its_repositories_are_made(hub: HubStandIn, clone, weights, tmp_path):
    said: list[str] = []
    address = deploy(PLAN, clone, weights, said.append)
    assert address == f"{hub.url}/spaces/ada/fkd"
    assert set(hub.repos) == {SPACE, "models/ada/faces", "datasets/ada/corrections"}
    assert all(repo.private for repo in hub.repos.values())
    sent = set(hub.files(SPACE)) - {".gitattributes"}
    assert sent == {
        "app.py", "fkd/space.py", "fkd/weights/tiny/model.safetensors", "training/loop.py", "LICENSE", "README.md",
        "requirements.txt",
    }  # fmt: skip
    assert hub.services.variables["ada/fkd"] == {
        "FKD_HUB_WEIGHTS": "ada/faces", "FKD_HUB_CORRECTIONS": "ada/corrections", "FKD_SAVING": "login",
        "FKD_OWNERS": "ada,grace",
    }  # fmt: skip
    assert newest_weights("ada/faces", "kaggle15", root=tmp_path / "pulled").version == "tiny-1"
    assert len(said) == 5 and said[0] == "Space ada/fkd is there."


def test_settings_are_there_before_the_files(has_weights, clone, weights, monkeypatch):
    monkeypatch.setenv("FKD_LINK_KEY", "k3y")
    deploy(SpacePlan("ada/fkd", "ada/faces", "ada/corrections", secrets=("FKD_LINK_KEY",)), clone, weights)
    order = [request for request in has_weights.requests if request.startswith("POST /api/spaces/ada/fkd")]
    kinds = [request.split("/")[5] for request in order]
    assert kinds.index("commit") > max(n for n, kind in enumerate(kinds) if kind in ("variables", "secrets"))


def test_again_changes_what_changed_and_leaves_what_others_put_there(has_weights, clone, weights):
    deploy(PLAN, clone, weights)
    repo = has_weights.repos[SPACE]
    repo.commit("by hand", "ada", repo.head.files | {"notes.txt": b"mine", "fkd/old.py": b"gone since"})
    (clone / "app.py").write_text("# new\n")
    said: list[str] = []
    deploy(PLAN, clone, weights, said.append)
    files = has_weights.files(SPACE)
    assert files["app.py"] == b"# new\n" and files["notes.txt"] == b"mine" and "fkd/old.py" not in files
    assert (
        "Model repository ada/faces has weights already." in said
        and len(has_weights.repos["models/ada/faces"].commits) == 2
    )
    commits = len(repo.commits)
    deploy(PLAN, clone, weights, said.append)
    assert len(repo.commits) == commits and said[-1] == "The files of ada/fkd were up to date."


def test_a_secret_is_handed_over_and_never_said(has_weights, clone, weights, monkeypatch, capsys):
    monkeypatch.setenv("FKD_OWNER_PASSWORD", "open sesame 9")
    arguments = ["space", "deploy", "--repo", "ada/fkd", "--root", str(clone), "--weights", str(weights)]
    assert main([*arguments, "--secret", "FKD_OWNER_PASSWORD", "--secret", "HF_TOKEN"]) == 0
    assert has_weights.services.secrets["ada/fkd"]["FKD_OWNER_PASSWORD"] == "open sesame 9"
    said = "".join(capsys.readouterr())
    assert "Its secret FKD_OWNER_PASSWORD is set." in said and "sesame" not in said
    assert has_weights.services.secrets["ada/fkd"]["HF_TOKEN"] not in said and b"sesame" not in b"".join(
        has_weights.files(SPACE).values()
    )
    has_weights.fault("/secrets", status=400, message="bad value open sesame 9")
    assert main([*arguments, "--secret", "FKD_OWNER_PASSWORD"]) == 1
    assert "sesame" not in "".join(capsys.readouterr())


def test_a_secret_without_a_value_stops_it_before_anything_is_made(hub, clone, weights):
    plan = SpacePlan("ada/fkd", "ada/faces", "ada/corrections", secrets=("NOT_SET_ANYWHERE",))
    with pytest.raises(HubError, match="The secret NOT_SET_ANYWHERE has no value here"):
        deploy(plan, clone, weights)
    assert hub.requests == []


def test_a_token_in_a_file_stops_it_before_anything_is_made(hub, clone, weights):
    (clone / "fkd" / "notes.py").write_text(f"token = '{GRACE}'\n")
    with pytest.raises(HubError, match=r"fkd/notes.py holds what looks like a token"):
        deploy(PLAN, clone, weights)
    assert hub.requests == []


def test_what_is_no_clone_is_refused(hub, tmp_path, weights):
    with pytest.raises(HubError, match="is no clone of fkd"):
        deploy(PLAN, tmp_path, weights)


def test_somebody_elses_name_is_refused_in_words(hub, clone, weights, capsys):
    arguments = ["space", "deploy", "--repo", "grace/fkd", "--root", str(clone), "--weights", str(weights)]
    assert main(arguments) == 1
    assert "The token does not allow this on grace/fkd" in capsys.readouterr().err
