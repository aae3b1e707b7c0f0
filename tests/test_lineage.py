"""The lineage: who comes from whom, the errors on one frozen test, and what became of each."""

from __future__ import annotations

import pytest

from fkd.lineage import lineage
from fkd.registry import Registry
from fkd.versions import FROZEN, HELD_OUT, Measured
from tests.weights_folders import damage, registered


@pytest.fixture
def registry(tmp_path) -> Registry:
    return Registry(tmp_path / "runs")


def test_each_version_with_its_origin_error_and_fate(registry):
    registered(registry, "v1", error=0.045, corrections=("c1", "c2"), who="ada")
    registered(registry, "v2", parent="v1", error=0.040)
    registered(registry, "v3", parent="v1", error=0.060, decision="refused", reasons=("It forgot.",))
    registered(registry, "v4", parent="v2", error=0.041, decision="refused", reasons=("It forgot.",))
    registered(registry, "k1", scheme="kaggle15")
    registry.promote("v1", "ada")
    registry.promote("v2", "ada")
    registry.promote("v4", "ada", "mislabelled test")
    registry.rollback("ibug68", "ada")
    rows = {row.version: row for row in lineage(registry, "ibug68")}
    assert list(rows) == ["ibug68-shipped", "v1", "v2", "v3", "v4"]
    assert [row.status for row in rows.values()] == ["origin", "served before", "serves", "refused", "rolled back"]
    assert [row.frozen_error for row in rows.values()] == [0.05, 0.045, 0.040, 0.060, 0.041]
    assert [row.parent for row in rows.values()] == ["", "ibug68-shipped", "v1", "v1", "v2"]
    assert rows["v1"].corrections == 2 and rows["v1"].who == "ada" and rows["v4"].reason == "mislabelled test"


def test_damaged_weights_do_not_serve_and_the_app_may_serve_others_than_the_registry_says(registry):
    for name in ("v1", "v2"):
        newest = registered(registry, name)
        registry.promote(name, "ada")
    assert [row.status for row in lineage(registry, "ibug68", "mine")] == ["origin", "served before", "served before"]
    damage(registry, newest)
    assert [row.status for row in lineage(registry, "ibug68")] == ["origin", "serves", "damaged"]


def test_errors_on_other_faces_do_not_stand_beside_these_but_a_child_knows_its_parents(registry):
    registered(registry, "v1", error=0.045)
    other = Measured(what=FROZEN, faces_id="others", n=100, before=0.08, after=0.07)
    held_out = Measured(what=HELD_OUT, faces_id="held", n=6, before=0.1, after=0.09)
    registered(registry, "v2", parent="v1", measured=(other, held_out))
    shipped, first, second = lineage(registry, "ibug68")
    assert (shipped.frozen_error, first.frozen_error, second.frozen_error) == (None, 0.08, 0.07)
    assert second.held_out == held_out and first.held_out is None


def test_an_empty_registry_has_no_lineage(registry):
    assert lineage(registry, "ibug68") == []
