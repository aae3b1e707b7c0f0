"""Who may do what."""

from __future__ import annotations

import pytest

from fkd.ui.rights import Person, Right, Rules

EVERYBODYS = {Right.LOOK, Right.PREDICT, Right.FOLLOW}
OWNERS = set(Right) - EVERYBODYS - {Right.SAVE}
STRANGER, AT_THE_MACHINE = Person(address="9.9.9.9"), Person(address="127.0.0.1", local=True)


def rights(rules: Rules, person: Person) -> set[Right]:
    return {right for right in Right if rules.may(person, right)}


def test_whoever_sits_at_an_app_that_nobody_else_reaches_may_do_everything():
    assert rights(Rules(), AT_THE_MACHINE) == set(Right)
    assert rights(Rules(saving="login"), AT_THE_MACHINE) == set(Right)


def test_where_others_reach_the_app_sitting_at_the_machine_proves_nothing():
    assert rights(Rules(public=True, saving="login"), AT_THE_MACHINE) == EVERYBODYS


@pytest.mark.parametrize("public", [True, False])
def test_strangers_predict_and_edit_and_owners_actions_are_never_theirs(public):
    assert rights(Rules(public=public, saving="open"), STRANGER) == EVERYBODYS | {Right.SAVE}
    assert rights(Rules(public=public, saving="link"), STRANGER) == EVERYBODYS
    assert rights(Rules(public=public, saving="login"), STRANGER) == EVERYBODYS


def test_the_link_and_a_login_give_saving_and_nothing_else():
    saver = EVERYBODYS | {Right.SAVE}
    by_link, logged_in = Person(has_link=True), Person(name="tim")
    assert rights(Rules(public=True, saving="link"), by_link) == saver
    assert rights(Rules(public=True, saving="link"), logged_in) == EVERYBODYS
    assert rights(Rules(public=True, saving="login", owners=frozenset({"ada"})), logged_in) == saver
    assert rights(Rules(public=True, saving="login"), by_link) == EVERYBODYS


def test_owners_are_known_by_their_name_or_the_password():
    rules = Rules(public=True, saving="login", owners=frozenset({"Ada"}), owner_password="secret")
    assert rights(rules, Person(name="ada")) == rights(rules, Person(has_password=True)) == set(Right)
    assert rights(rules, Person(name="adam")) == EVERYBODYS | {Right.SAVE}


def test_an_empty_name_among_the_owners_makes_nobody_an_owner():
    assert not OWNERS & rights(Rules(public=True, owners=frozenset({""})), STRANGER)


@pytest.mark.parametrize("saving", ["open", "link", "login"])
@pytest.mark.parametrize("right", sorted(OWNERS | {Right.SAVE}, key=lambda right: right.name))
def test_a_refusal_says_what_to_do(saving, right):
    said = Rules(saving=saving).refusal(right)
    assert said.endswith(".") and ("log" in said.lower() or "link" in said)


def test_rules_that_are_printed_hold_no_secret():
    assert "s3cret" not in repr(Rules(owner_password="s3cret", link_key="s3cret"))
