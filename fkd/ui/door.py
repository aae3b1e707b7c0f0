"""The door of the app: who somebody is, by what came with their request, and what they are let do."""

from __future__ import annotations

import inspect
import ipaddress
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from gradio.context import LocalContext

from fkd.errors import RightsError
from fkd.ui.limits import CLIPS, PASSWORDS, PHOTOS, SAVES, Limits
from fkd.ui.rights import Person, Right, Rules

__all__ = ["LINK_COOKIE", "OWNER_COOKIE", "Door", "logs_in_with_hub"]

LINK_COOKIE, OWNER_COOKIE = "fkd-link", "fkd-owner"
# What proxies and tunnels add. Who comes through one is not at this machine, wherever the connection comes from.
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via", "cf-connecting-ip")
_COUNTED = {Right.PREDICT: PHOTOS, Right.FOLLOW: CLIPS, Right.SAVE: SAVES}
_MOST_OWNERS = 1000


class Door:
    """Knows people by their requests and lets them do what the rules and limits allow. Any thread may use it."""

    def __init__(self, rules: Rules, limits: Limits | None = None):
        self.rules = rules
        self.limits = limits or Limits()
        self._owner_tokens: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def person(self, request: Any) -> Person:
        """Who sent a request, a `gr.Request` or one of Starlette's; without one, nobody in particular."""
        if request is None:
            return Person()
        cookies, headers = dict(request.cookies), dict(request.headers)
        if _is_from_another_site(headers):  # the cookies came along, but it is not the person who acts
            return Person(address=_address(request, headers))
        link = cookies.get(LINK_COOKIE) or headers.get(LINK_COOKIE, "")
        return Person(
            name=getattr(request, "username", None) or _auth_user(request, cookies) or _hub_user(request),
            address=_address(request, headers),
            local=_at_this_machine(request, headers),
            has_link=bool(self.rules.link_key) and secrets.compare_digest(link.encode(), self.rules.link_key.encode()),
            has_password=self._is_owner_token(cookies.get(OWNER_COOKIE, "")),
        )

    def sender(self) -> Person:
        """Who sent the event that is being handled, in this thread."""
        return self.person(LocalContext.request.get(None))

    def may(self, right: Right, request: Any) -> bool:
        """Whether the sender of a request has a right."""
        return self.rules.may(self.person(request), right)

    def check(self, right: Right, request: Any) -> None:
        """Let somebody do something, and count it.

        Raises:
            RightsError: if they may not, or not so soon.
        """
        person = self.person(request)
        if not self.rules.may(person, right):
            raise RightsError(self.rules.refusal(right))
        if right in _COUNTED and not self.rules.owns(person):
            wait_s = self.limits.spend(person.name or person.address, _COUNTED[right])
            if wait_s:
                raise RightsError(
                    f"That were too many {_COUNTED[right]} in a short time. Go on in {max(1, round(wait_s))} seconds; "
                    "what you did stays on this screen."
                )

    def guard(self, right: Right, action: Callable) -> Callable:
        """`action` for an event of the page: every time, its sender has to have `right`."""

        def check() -> None:
            self.check(right, LocalContext.request.get(None))

        if inspect.isgeneratorfunction(action):

            @wraps(action)
            def guarded(*args):
                check()
                yield from action(*args)
        else:

            @wraps(action)
            def guarded(*args):
                check()
                return action(*args)

        guarded.right = right
        return guarded

    def owner_token(self, password: str, request: Any) -> str | None:
        """What makes the sender an owner from now on, for the password; None if it is wrong.

        Raises:
            RightsError: after too many tries.
        """
        wait_s = self.limits.spend(self.person(request).address, PASSWORDS)
        if wait_s:
            raise RightsError(f"Too many tries. Try again in {max(1, round(wait_s))} seconds.")
        known = self.rules.owner_password
        if not known or not secrets.compare_digest(password.encode(), known.encode()):
            return None
        token = secrets.token_urlsafe(32)
        with self._lock:
            self._owner_tokens[token] = None
            while len(self._owner_tokens) > _MOST_OWNERS:
                self._owner_tokens.popitem(last=False)
        return token

    def _is_owner_token(self, token: str) -> bool:
        with self._lock:
            return token in self._owner_tokens


def logs_in_with_hub() -> bool:
    """Whether people can log in with their account on the Hub: in a Space that has ``hf_oauth`` only.

    Elsewhere, Gradio's login button logs everybody in as whoever's token is on this machine.
    """
    named = ("SPACE_ID", "OAUTH_CLIENT_ID", "OAUTH_CLIENT_SECRET", "OPENID_PROVIDER_URL")
    return os.environ.get("SYSTEM") == "spaces" and all(os.environ.get(name) for name in named)


def _auth_user(request: Any, cookies: dict[str, str]) -> str:
    """The name of ``--auth`` whose login Gradio keeps by a cookie; "" if there is none.

    It says so of its events by itself, but not before it gets them.
    """
    underlying = getattr(request, "request", None) or request  # Gradio's own makes JSON of what it is asked for
    app = getattr(underlying, "scope", {}).get("app")
    tokens, cookie_id = getattr(app, "tokens", {}), getattr(app, "cookie_id", "")
    known = (tokens.get(cookies.get(f"{name}-{cookie_id}")) for name in ("access-token", "access-token-unsecure"))
    return next(filter(None, known), "")


def _hub_user(request: Any) -> str:
    """The user name on the Hub that Gradio's login keeps in a signed cookie; "" if they are not logged in."""
    if not logs_in_with_hub():
        return ""
    underlying = getattr(request, "request", None) or request
    login = underlying.scope.get("session", {}).get("oauth_info") or {}
    if login.get("expires_at", 0) < time.time():
        return ""
    return login.get("userinfo", {}).get("preferred_username", "")


def _is_from_another_site(headers: dict[str, str]) -> bool:
    """Whether a page of somebody else's sent the request: Gradio lets any page do so, with the person's cookies."""
    fetched_from, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if origin is None:  # no request that changes something
        return False
    if fetched_from is not None:
        return fetched_from != "same-origin"
    return urlsplit(origin).netloc != headers.get("host", "")  # a browser too old, or one that is not on https


def _at_this_machine(request: Any, headers: dict[str, str]) -> bool:
    """Whether a request comes from this machine, to an address that no other site can claim as its own."""
    if request.client is None or any(name in headers for name in _FORWARDED):
        return False
    hosts = (request.client.host, urlsplit(f"//{headers.get('host', '')}").hostname or "")
    return all(_is_loopback(host) for host in hosts)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(request: Any, headers: dict[str, str]) -> str:
    """Whom limits count. Only what the nearest proxy added to the header is not the client's own invention."""
    host = request.client.host if request.client else ""
    if not _is_global(host):  # a proxy
        hops = [hop.strip() for hop in headers.get("x-forwarded-for", "").split(",")]
        host = next((hop for hop in reversed(hops) if _is_global(hop)), host)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    # One household has a whole /64 of IPv6.
    return str(ipaddress.ip_network(f"{address}/64", strict=False)) if address.version == 6 else str(address)


def _is_global(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return False
