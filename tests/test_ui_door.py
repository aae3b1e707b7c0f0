"""Who somebody is, by what came with their request."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from fkd.errors import RightsError
from fkd.ui.door import LINK_COOKIE, OWNER_COOKIE, Door
from fkd.ui.limits import PHOTOS, Allowance, Limits
from fkd.ui.rights import Right, Rules

HERE = {"host": "127.0.0.1:7860"}
IN_A_SPACE = {
    "SYSTEM": "spaces", "SPACE_ID": "ada/faces", "OAUTH_CLIENT_ID": "id", "OAUTH_CLIENT_SECRET": "secret",
    "OPENID_PROVIDER_URL": "https://huggingface.co",
}  # fmt: skip


def request(host: str = "127.0.0.1", headers: dict | None = None, cookies: dict | None = None, **more):
    return SimpleNamespace(
        client=SimpleNamespace(host=host), headers=HERE if headers is None else HERE | headers, cookies=cookies or {},
        scope={"session": more.pop("session", {})}, **more,
    )  # fmt: skip


def is_local(**how) -> bool:
    return Door(Rules()).person(request(**how)).local


def test_a_browser_on_this_machine_is_local():
    assert is_local() and is_local(host="::1", headers={"host": "[::1]:7860"})
    assert is_local(headers={"host": "localhost:7860", "origin": "http://localhost:7860"})
    assert is_local(headers={"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"})


@pytest.mark.parametrize(
    "how",
    [
        {"host": "192.168.1.7"},
        {"headers": {"x-forwarded-for": "127.0.0.1"}},
        {"headers": {"forwarded": "for=127.0.0.1"}},
        {"headers": {"x-real-ip": "9.9.9.9"}},
        {"headers": {"host": "abc.gradio.live"}},
        {"headers": {"host": "rebound.example:7860"}},  # a name of somebody else's that now points to this machine
        {"headers": {"host": ""}},
        {"headers": {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}},
        {"headers": {"origin": "https://evil.example"}},
        {"headers": {"origin": "http://127.0.0.1:9999"}},  # another program's page on this machine
        {"headers": {"origin": "null"}},
    ],
)
def test_nobody_else_is(how):
    assert not is_local(**how)


def test_no_request_is_nobody():
    with pytest.raises(RightsError, match="Only an owner"):
        Door(Rules()).check(Right.TUNE, None)


def test_the_key_of_the_link_counts_as_cookie_or_header_and_no_other():
    door = Door(Rules(public=True, saving="link", link_key="k3y"))
    for sent in (request(cookies={LINK_COOKIE: "k3y"}), request(headers={LINK_COOKIE: "k3y"})):
        assert door.may(Right.SAVE, sent)
    for sent in (request(), request(cookies={LINK_COOKIE: "k3"}), request(cookies={LINK_COOKIE: ""})):
        assert not door.may(Right.SAVE, sent)
    assert not Door(Rules(public=True, saving="link")).may(Right.SAVE, request(cookies={LINK_COOKIE: ""}))


def test_the_password_makes_an_owner_until_the_app_ends():
    door = Door(Rules(public=True, owner_password="pässword"))
    assert door.owner_token("password", request()) is None and door.owner_token("", request()) is None
    token = door.owner_token("pässword", request())
    assert door.may(Right.PROMOTE, request(cookies={OWNER_COOKIE: token}))
    assert not Door(door.rules).may(Right.PROMOTE, request(cookies={OWNER_COOKIE: token}))
    assert not door.may(Right.PROMOTE, request(cookies={OWNER_COOKIE: "pässword"}))


def test_no_password_is_nobodys_password():
    assert Door(Rules(public=True)).owner_token("", request()) is None


def test_passwords_cannot_be_tried_for_long():
    door = Door(Rules(public=True, owner_password="secret"))
    for _ in range(5):
        assert door.owner_token("wrong", request(host="9.9.9.9")) is None
    with pytest.raises(RightsError, match="Too many tries"):
        door.owner_token("secret", request(host="9.9.9.9"))
    assert door.owner_token("secret", request(host="9.9.9.8"))


def test_a_page_of_somebody_elses_cannot_use_an_owners_cookies():
    door = Door(Rules(public=True, owner_password="secret", owners=frozenset({"ada"})))
    cookies = {OWNER_COOKIE: door.owner_token("secret", request())}
    from_there = {"host": "x.hf.space", "origin": "https://evil.example", "sec-fetch-site": "cross-site"}
    assert not door.may(Right.PUSH, request(headers=from_there, cookies=cookies))
    assert not door.may(Right.PUSH, request(headers=from_there, username="ada"))
    own = {"host": "x.hf.space", "origin": "https://x.hf.space", "sec-fetch-site": "same-origin"}
    assert door.may(Right.PUSH, request(headers=own, cookies=cookies))


def login(name: str, for_s: float = 60.0) -> dict:
    return {"oauth_info": {"userinfo": {"preferred_username": name}, "expires_at": time.time() + for_s}}


def test_a_login_on_the_hub_counts_in_a_space_while_it_lasts(monkeypatch):
    door = Door(Rules(public=True, owners=frozenset({"ada"})))
    assert door.person(request(session=login("ada"))).name == ""  # Gradio's make-believe login outside of a Space
    for name, value in IN_A_SPACE.items():
        monkeypatch.setenv(name, value)
    assert door.may(Right.TUNE, request(session=login("ada")))
    assert not door.may(Right.TUNE, request(session=login("ada", for_s=-1)))
    monkeypatch.setenv("OAUTH_CLIENT_SECRET", "")  # then anybody could sign the cookie
    assert not door.may(Right.TUNE, request(session=login("ada")))


def address(host: str, hops: str = "") -> str:
    return Door(Rules()).person(request(host=host, headers={"x-forwarded-for": hops} if hops else None)).address


def test_limits_count_the_address_that_the_nearest_proxy_saw():
    assert address("10.0.0.3", "1.1.1.1, 9.9.9.9, 10.0.0.7") == "9.9.9.9"
    assert address("9.9.9.9", "1.1.1.1") == "9.9.9.9"  # no proxy: the header is the client's own
    assert address("10.0.0.3", "nonsense") == "10.0.0.3"
    assert address("2a00:1450:4001:1::1") == address("2a00:1450:4001:1:ffff::2") == "2a00:1450:4001:1::/64"


def test_strangers_are_counted_and_owners_are_not():
    door = Door(Rules(), Limits({PHOTOS: Allowance(1, 6)}))
    stranger = request(host="9.9.9.9")
    door.check(Right.PREDICT, stranger)
    with pytest.raises(RightsError, match="too many photos in a short time. Go on in 10 seconds"):
        door.check(Right.PREDICT, stranger)
    for _ in range(5):
        door.check(Right.PREDICT, request())
