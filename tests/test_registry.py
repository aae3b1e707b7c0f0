"""The registry of versions: what serves follows from what was promoted and rolled back, and from whole weights only."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fkd.errors import RegistryError, WeightsError
from fkd.registry import Registry
from tests.weights_folders import damage, registered, weights_folder


@pytest.fixture
def registry(tmp_path) -> Registry:
    return Registry(tmp_path / "runs")


def serves(registry: Registry, scheme: str = "ibug68") -> str | None:
    version = registry.serving(scheme).version
    return version and version.version


def events(registry: Registry) -> list[tuple[str, str]]:
    return [(event.event, event.version) for event in registry.history()]


def test_an_empty_registry_serves_nothing_and_makes_no_file(registry):
    assert serves(registry) is None and registry.versions() == {} and not registry.folder.exists()


def test_a_version_is_read_back_as_it_was_registered(registry):
    version = registered(registry, "v1", corrections=("c1", "c2"), who="ada")
    assert registry.versions() == {"v1": version}
    assert version.folder == "v1" and len(version.sha256) == 64
    assert registry.weights_of(version) == registry.folder / "v1"
    assert serves(registry) is None


def test_the_folder_of_the_runs_may_be_moved_and_weights_may_lie_elsewhere(registry, tmp_path):
    registered(registry, "v1")
    elsewhere = registered(registry, "v2", folder=weights_folder(tmp_path / "mine"))
    assert registry.weights_of(elsewhere) == tmp_path / "mine"
    registry.promote("v1", "ada")
    registry.folder.rename(tmp_path / "moved")
    assert serves(Registry(tmp_path / "moved")) == "v1"


def test_promotions_pile_up_and_a_roll_back_takes_the_last_one_off(registry):
    for name in ("v1", "v2", "v3"):
        registered(registry, name)
        registry.promote(name, "ada")
    assert serves(registry) == "v3"
    assert registry.rollback("ibug68", "tim") == "v3 no longer serves ibug68: v2 does again."
    assert serves(registry) == "v2"
    registry.rollback("ibug68", "tim")
    assert registry.rollback("ibug68", "tim").endswith("the weights that the app brings along do again.")
    assert serves(registry) is None
    with pytest.raises(RegistryError, match="nothing to roll back"):
        registry.rollback("ibug68", "tim")
    assert registry.promote("v2", "ada").startswith("v2 serves ibug68 now, in the place of the weights that the app")
    assert serves(registry) == "v2" and registry.history()[3].who == "tim"


def test_a_version_that_was_promoted_twice_is_rolled_back_once(registry):
    for name in ("v1", "v2"):
        registered(registry, name)
    for name in ("v1", "v2", "v1"):
        registry.promote(name, "ada")
    for expected in ("v2", "v1", None):
        registry.rollback("ibug68", "ada")
        assert serves(registry) == expected


def test_roll_back_to_one_that_served_before_or_to_what_the_first_came_from(registry):
    for name in ("v1", "v2", "v3"):
        registered(registry, name)
        registry.promote(name, "ada")
    registered(registry, "v4")
    with pytest.raises(RegistryError, match="“v4” did not serve before v3. These did: ibug68-shipped, v1, v2."):
        registry.rollback("ibug68", "ada", to="v4")
    registry.rollback("ibug68", "ada", to="v1", reason="worse on beards")
    assert serves(registry) == "v1" and registry.history()[-1].reason == "worse on beards"
    registry.rollback("ibug68", "ada", to="ibug68-shipped")
    assert serves(registry) is None


def test_schemes_do_not_touch_each_other(registry):
    registered(registry, "v1")
    registered(registry, "k1", scheme="kaggle15")
    registry.promote("v1", "ada")
    registry.promote("k1", "ada")
    registry.rollback("ibug68", "ada")
    assert serves(registry) is None and serves(registry, "kaggle15") == "k1" and registry.schemes() == {"kaggle15"}
    assert registry.serving("kaggle15").changes == 1 and registry.serving("ibug68").changes == 2


def test_what_the_gate_refused_is_promoted_for_a_reason_only_and_both_are_recorded(registry):
    registered(registry, "v1", decision="refused", reasons=("It forgot.",))
    for reason in ("", "  "):
        with pytest.raises(RegistryError, match="The gate refused v1: It forgot. To promote it all the same"):
            registry.promote("v1", "ada", reason)
    assert serves(registry) is None
    assert "The gate was overridden: mislabelled test" in registry.promote("v1", "tim", "mislabelled test")
    assert events(registry) == [("refused", "v1"), ("refused", "v1"), ("overridden", "v1")] and serves(registry) == "v1"
    assert (registry.history()[-1].who, registry.history()[-1].reason) == ("tim", "mislabelled test")


def test_where_the_gate_cannot_tell_a_person_promotes(registry):
    registered(registry, "v1", decision="undecided")
    registry.promote("v1", "ada")
    assert events(registry) == [("promoted", "v1")]


def test_what_cannot_be_promoted(registry):
    version = registered(registry, "v1")
    with pytest.raises(RegistryError, match="has no version “v9”"):
        registry.promote("v9", "ada")
    registry.promote("v1", "ada")
    with pytest.raises(RegistryError, match="v1 serves ibug68 already"):
        registry.promote("v1", "ada")
    damage(registry, registered(registry, "v2"))
    with pytest.raises(RegistryError, match="v2 are damaged.*not promoted"):
        registry.promote("v2", "ada")
    with pytest.raises(RegistryError, match="There is a version v1 already"):
        registry.register(replace(version, folder=str(registry.folder / "v1")))
    with pytest.raises(WeightsError, match="lacks config.json"):
        registered(registry, "v3", folder=registry.folder)
    assert events(registry) == [("promoted", "v1")]


@pytest.mark.parametrize("broken", ["cut short", "no weights", "no config", "no folder"])
def test_damaged_weights_are_passed_over_and_told_of(registry, broken):
    for name in ("v1", "v2"):
        version = registered(registry, name)
        registry.promote(name, "ada")
    folder = registry.weights_of(version)
    if broken == "cut short":
        damage(registry, version)
    for name, when in (("model.safetensors", "no weights"), ("config.json", "no config")):
        if broken in (when, "no folder"):
            (folder / name).unlink()
    serving = registry.serving("ibug68")
    assert serving.version.version == "v1"
    (problem,) = serving.problems
    assert problem.startswith("The weights of v2 ") and problem.endswith("What served before it serves on.")


def test_a_version_that_was_rolled_back_does_not_come_back_when_others_are_damaged(registry):
    first = registered(registry, "v1")
    registered(registry, "v2")
    registry.promote("v1", "ada")
    registry.promote("v2", "ada")
    registry.rollback("ibug68", "ada")
    damage(registry, first)
    assert serves(registry) is None


def test_one_click_skips_damaged_weights_on_the_way_back(registry):
    registered(registry, "v1")
    second = registered(registry, "v2")
    registered(registry, "v3")
    for name in ("v1", "v2", "v3"):
        registry.promote(name, "ada")
    damage(registry, second)
    with pytest.raises(RegistryError, match="v2 are damaged.*Nothing was rolled back"):
        registry.rollback("ibug68", "ada", to="v2")
    assert registry.rollback("ibug68", "ada") == "v3 no longer serves ibug68: v1 does again."
    assert serves(registry) == "v1" and registry.pile("ibug68") == ["v1"]


def test_a_roll_back_that_was_meant_to_let_another_version_serve_changes_nothing(registry):
    for name in ("v1", "v2", "v3"):
        registered(registry, name)
        registry.promote(name, "ada")
    assert registry.before("ibug68") == "v2"
    registry.rollback("ibug68", "ada", expected="v2")
    with pytest.raises(RegistryError, match="Nothing was rolled back: .*, and v1 would serve now"):
        registry.rollback("ibug68", "tim", expected="v2")  # the same button in another window
    assert serves(registry) == "v2" and len(events(registry)) == 4
    registry.rollback("ibug68", "tim", expected="v1")
    registry.rollback("ibug68", "tim", expected="ibug68-shipped")
    assert serves(registry) is None and registry.before("ibug68") == ""


def test_a_roll_back_takes_off_what_really_serves(registry):
    for name in ("v1", "v2"):
        second = registered(registry, name)
        registry.promote(name, "ada")
    damage(registry, second)
    assert serves(registry) == "v1" and registry.before("ibug68") == "ibug68-shipped"
    with pytest.raises(RegistryError, match="v1 serves ibug68 already"):
        registry.promote("v1", "ada")
    assert registry.rollback("ibug68", "ada").startswith("v1 no longer serves ibug68: the weights that the app")
    assert serves(registry) is None


def test_a_version_that_was_tuned_from_another_one_is_not_taken_for_the_weights_of_the_app(registry):
    registered(registry, "v1")
    registered(registry, "v2", parent="v1")
    registered(registry, "v3")
    for name in ("v2", "v1", "v3"):
        registry.promote(name, "ada")
    registry.rollback("ibug68", "ada")
    assert serves(registry) == "v1"
    registry.rollback("ibug68", "ada")
    assert serves(registry) == "v2" and registry.before("ibug68") == "the weights that the app brings along"


def test_a_promotion_of_a_version_whose_line_is_gone_is_passed_over_and_told_of(registry):
    registered(registry, "v1")
    registry.promote("v1", "ada")
    registered(registry, "v2")
    registry.promote("v2", "ada")
    lines = registry.path.read_text().splitlines(keepends=True)
    registry.path.write_text("".join(lines[1:]))  # v1 is not registered any more
    with pytest.raises(RegistryError, match="“v9” did not serve before v2. These did: the weights that .*, v1."):
        registry.rollback("ibug68", "ada", to="v9")
    with pytest.raises(RegistryError, match="v1 was promoted, but registry.jsonl has no line any more"):
        registry.rollback("ibug68", "ada", to="v1")
    registry.path.write_text("".join([*lines[:2], lines[3]]))  # v2 is not
    serving = registry.serving("ibug68")
    assert serving.version.version == "v1" and serving.problems[0].startswith("v2 was promoted, but")


def test_a_name_and_a_reason_are_kept_as_one_line_of_text(registry):
    registered(registry, "v1", decision="refused")
    with pytest.raises(RegistryError, match="is no text that can be kept"):
        registry.promote("v1", "\udcff", "because")
    with pytest.raises(RegistryError, match="is no text that can be kept"):
        registered(registry, "v2", who="\udcff")
    assert list(registry.versions()) == ["v1"] and events(registry) == []
    registry.promote("v1", " Ada\nL.", "beards,\r\n and hats")
    (event,) = registry.history()
    assert (event.who, event.reason) == ("Ada L.", "beards, and hats")


def test_a_line_of_another_kind_of_file_is_an_error(registry):
    registered(registry, "v1")
    with registry.path.open("a") as file:
        file.write('{"stage": "fine-tune"}\n')
    with pytest.raises(RegistryError, match="has a line that this fkd does not read"):
        registry.serving("ibug68")


def test_a_torn_last_line_changes_nothing_and_is_told_of(registry):
    registered(registry, "v1")
    registry.promote("v1", "ada")
    with registry.path.open("a") as file:
        file.write('{"event": "promoted", "version": "v')
    assert serves(registry) == "v1" and "incomplete" in registry.notices[0]
