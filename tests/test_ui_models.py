"""What the app serves: the registry's version, else the named weights, else the shipped; switched without a restart."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from fkd.errors import RegistryError, SchemeError
from fkd.predictor import KeypointPredictor
from fkd.registry import Registry
from fkd.ui.models import ServedModels
from tests.nets import tiny_net
from tests.weights_folders import damage, registered


@pytest.fixture
def registry(tmp_path) -> Registry:
    return Registry(tmp_path / "runs")


def make(registry: Registry, name: str, **values):
    """Register a tiny network as a version of kaggle15."""
    folder = registry.folder / name
    tiny_net(version=name).save_pretrained(folder)
    return registered(registry, name, scheme="kaggle15", folder=folder, **values)


def serving(registry: Registry, weights: Path | None = None) -> ServedModels:
    return ServedModels(weights, device="cpu", runs=registry.folder)


def version(models: ServedModels) -> str:
    return models.predictor("kaggle15").version


def test_what_was_promoted_before_the_start_serves(registry):
    shipped = version(serving(registry))
    make(registry, "v1")
    assert version(serving(registry)) == shipped != "v1"
    registry.promote("v1", "ada")
    assert version(serving(registry)) == "v1"


def test_a_promotion_and_a_roll_back_switch_a_running_app(registry):
    models = serving(registry)
    shipped = version(models)
    for name in ("v1", "v2"):
        make(registry, name)
        assert version(models) != name
        Registry(registry.folder).promote(name, "ada")  # another process
        assert version(models) == name
    for expected in ("v1", shipped):
        registry.rollback("kaggle15", "ada")
        assert version(models) == expected


def test_whoever_holds_the_old_predictor_goes_on_with_it(registry, tmp_path):
    models = serving(registry)
    old = models.predictor("kaggle15")
    make(registry, "v1")
    registry.promote("v1", "ada")
    assert models.predictor("kaggle15") is not old
    assert len(old.in_box(Path("fkd/ui/assets/grace_hopper.jpg"), [150, 80, 380, 400]).points) == 15


def test_named_weights_win_at_the_start_and_yield_to_what_happens_after_it(registry, tmp_path):
    tiny_net(version="mine").save_pretrained(tmp_path / "mine")
    for name in ("v1", "v2"):
        make(registry, name)
    registry.promote("v1", "ada")
    models = serving(registry, tmp_path / "mine")
    assert version(models) == "mine" and models.default_scheme == "kaggle15"
    make(registry, "v3")  # registered, not promoted
    assert version(models) == "mine"
    registry.promote("v2", "ada")
    assert version(models) == "v2"
    registry.rollback("kaggle15", "ada")
    assert version(models) == "v1"
    registry.rollback("kaggle15", "ada")
    assert version(models) == "mine"


def test_nothing_is_loaded_again_while_nothing_changes(registry, monkeypatch):
    make(registry, "v1")
    registry.promote("v1", "ada")
    models = serving(registry)
    first = models.predictor("kaggle15")
    make(registry, "v2")  # registered, not promoted
    assert models.predictor("kaggle15") is first
    monkeypatch.setattr(models.registry, "serving", None)  # nobody asks it
    assert models.predictor("kaggle15") is first


def test_damaged_weights_are_refused_with_a_sentence_and_the_old_ones_serve_on(registry):
    make(registry, "v1")
    registry.promote("v1", "ada")
    models = serving(registry)
    first = models.predictor("kaggle15")
    second = make(registry, "v2")
    registry.promote("v2", "ada")
    damage(registry, second)
    assert models.predictor("kaggle15") is first and "The weights of v2 are damaged" in models.notice("kaggle15")
    make(registry, "v3")
    registry.promote("v3", "ada")
    assert version(models) == "v3" and models.notice("kaggle15") == ""


def test_weights_that_are_whole_but_no_network_are_refused(registry):
    models = serving(registry)
    first = models.predictor("kaggle15")
    registered(registry, "v1", scheme="kaggle15")
    registry.promote("v1", "ada")
    assert models.predictor("kaggle15") is first and "v1" in models.notice("kaggle15")
    anew = serving(registry)
    assert version(anew) == first.version and "v1" in anew.notice("kaggle15")


def test_a_damaged_registry_stops_the_start_and_not_a_running_app(registry):
    make(registry, "v1")
    registry.promote("v1", "ada")
    models = serving(registry)
    first = models.predictor("kaggle15")
    registry.path.write_text("no JSON\n" + registry.path.read_text())
    assert models.predictor("kaggle15") is first and "line 1" in models.notice("kaggle15")
    with pytest.raises(RegistryError, match="line 1"):
        serving(registry).predictor("kaggle15")


def test_others_go_on_with_the_old_weights_while_the_new_ones_load(registry, monkeypatch):
    models = serving(registry)
    first = models.predictor("kaggle15")
    make(registry, "v1")
    registry.promote("v1", "ada")
    loading, go_on, load = threading.Event(), threading.Event(), KeypointPredictor.from_pretrained

    def slowly(source, **options):
        loading.set()
        assert go_on.wait(timeout=30)
        return load(source, **options)

    monkeypatch.setattr(KeypointPredictor, "from_pretrained", slowly)
    switcher = threading.Thread(target=models.refresh)
    switcher.start()
    assert loading.wait(timeout=30)
    assert models.predictor("kaggle15") is first
    go_on.set()
    switcher.join()
    assert version(models) == "v1"


def test_a_promoted_version_makes_its_scheme_one_to_choose(registry, monkeypatch):
    monkeypatch.setattr("fkd.hub.shipped_names", lambda: ["ibug68"])
    models = serving(registry)
    assert models.schemes == ["ibug68"]
    with pytest.raises(SchemeError, match="There are no weights for “kaggle15” yet"):
        models.predictor("kaggle15")
    make(registry, "v1")
    registry.promote("v1", "ada")
    assert models.schemes == ["ibug68", "kaggle15"] and version(models) == "v1"


def test_a_scheme_that_is_not_there_is_refused(monkeypatch):
    with pytest.raises(SchemeError, match="no keypoint scheme “wflw98”"):
        ServedModels(device="cpu").predictor("wflw98")
    monkeypatch.setattr("fkd.hub.shipped_names", lambda: ["ibug68"])
    with pytest.raises(SchemeError, match="There are no weights for “kaggle15” yet"):
        ServedModels(device="cpu").predictor("kaggle15")


def test_other_weights_that_come_along_are_no_schemes(monkeypatch):
    monkeypatch.setattr("fkd.hub.shipped_names", lambda: ["ibug68", "ibug68-large"])
    assert ServedModels(device="cpu").schemes == ["ibug68"]
