"""The versions in the tab Fine-tune: two windows that do not know of each other, damaged weights, another scheme."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest

from fkd import hub
from fkd.model import load_net
from fkd.registry import Registry
from tests.browser.apps import running_app
from tests.browser.test_tune import fine_tune_tab
from tests.weights_folders import damage, registered
from training.run_progress import RunProgress

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser


@pytest.fixture
def versions_app(tmp_path) -> Iterator:
    """Three promoted versions, the shipped weights by other names."""
    registry = Registry(tmp_path / "runs")
    for name in ("v1", "v2", "v3"):
        net = load_net(hub.weights_folder("ibug68"))
        net.config = replace(net.config, version=name)
        net.save_pretrained(registry.folder / name)
        registered(registry, name, folder=registry.folder / name)
        registry.promote(name, "ada")
    with running_app(tmp_path) as app:
        yield app


def opened(open_desktop, app):
    page = open_desktop(app.url)
    fine_tune_tab(page)
    expect(page.locator("#fkd-tune-versions .tune-serving")).to_contain_text("serves ibug68", timeout=30_000)
    return page


def choose(page, version: str) -> None:
    page.locator("#fkd-tune-version input").click()
    page.get_by_role("option", name=re.compile(version)).click()


def test_a_window_that_does_not_know_what_happened_does_nothing_and_looks_again(versions_app, open_desktop):
    second, first = (opened(open_desktop, versions_app) for _ in range(2))
    for page in (second, first):
        expect(page.locator("#fkd-tune-rollback")).to_have_text("Roll back to v2")
        choose(page, "v1")  # by its answer all else that the tab asked for has come
        expect(page.locator("#fkd-tune-result")).not_to_contain_text("serves now")
    first.locator("#fkd-tune-rollback").click()
    expect(first.locator("#fkd-tune-status")).to_contain_text("v3 no longer serves ibug68: v2 does again.")
    expect(second.locator("#fkd-tune-rollback")).to_have_text("Roll back to v2")
    second.locator("#fkd-tune-rollback").click()
    expect(second.locator(".toast-body")).to_contain_text("Nothing was rolled back")
    expect(second.locator("#fkd-tune-rollback")).to_have_text("Roll back to v1")
    expect(second.locator(".tune-serving")).to_contain_text("v2 serves ibug68.")
    assert Registry(versions_app.runs).serving("ibug68").version.version == "v2"

    choose(first, "v3")
    choose(second, "v3")
    for page in (first, second):
        expect(page.locator("#fkd-tune-result")).not_to_contain_text("serves now")
    first.locator("#fkd-tune-promote").click()
    expect(first.locator(".tune-serving")).to_contain_text("v3 serves ibug68.")
    second.locator("#fkd-tune-promote").click()
    expect(second.locator(".toast-body", has_text="v3 serves ibug68 already")).to_be_visible()
    expect(second.locator("#fkd-tune-result")).to_contain_text("v3 serves now.")
    expect(second.locator(".tune-serving")).to_contain_text("v3 serves ibug68.")


def test_damaged_weights_serve_nowhere_on_the_page(versions_app, open_desktop):
    registry = Registry(versions_app.runs)
    page = opened(open_desktop, versions_app)
    expect(page.locator(".tune-serving")).to_contain_text("v3 serves ibug68.")
    damage(registry, registry.versions()["v3"])
    page.reload(wait_until="domcontentloaded")
    fine_tune_tab(page)
    expect(page.locator(".tune-serving")).to_contain_text("v2 serves ibug68. The weights of v3 are damaged")
    expect(page.locator('[data-status="serves"]')).to_have_count(1)
    expect(page.locator("tr", has_text="v2").locator("em")).to_have_text("serves")
    choose(page, "v3")
    expect(page.locator("#fkd-tune-promote")).to_be_visible()
    expect(page.locator("#fkd-tune-result")).not_to_contain_text("serves now")
    expect(page.locator("#fkd-tune-rollback")).to_have_text("Roll back to v1")


def test_another_scheme_without_versions_and_back(versions_app, open_desktop):
    page = opened(open_desktop, versions_app)
    expect(page.locator("#fkd-tune-result")).to_contain_text("v3 serves now.")
    page.locator("#fkd-tune").get_by_label("15 keypoints").check()
    expect(page.locator(".tune-serving")).to_contain_text("serves kaggle15")
    expect(page.locator("#fkd-tune-result")).to_be_hidden()
    page.locator("#fkd-tune").get_by_label("68").check()
    expect(page.locator("#fkd-tune-result")).to_contain_text("v3 serves now.")
    expect(page.locator(".toast-body")).to_have_count(0)
    assert "Traceback" not in versions_app.log.read_text()


def test_what_was_said_of_a_run_goes_when_it_ends(versions_app, open_desktop):
    (versions_app.runs / "other").mkdir()
    page = opened(open_desktop, versions_app)
    run = RunProgress(versions_app.runs / "other")
    run.step("fine-tune", 1, 4)
    page.get_by_role("tab", name="Correct").click()
    fine_tune_tab(page)
    page.locator("#fkd-tune-cancel").click()
    expect(page.locator("#fkd-tune-status")).to_contain_text("The fine-tune stops at its next step")
    run.say("cancelled", reason="Cancelled.")
    expect(page.locator("#fkd-tune-status")).to_contain_text("Corrections become better weights")
