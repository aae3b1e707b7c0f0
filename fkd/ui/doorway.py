"""What every request passes before it gets to Gradio: links for annotators, the owner's password, and large uploads."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fkd.errors import RightsError
from fkd.ui.door import LINK_COOKIE, OWNER_COOKIE, Door
from fkd.ui.limits import UPLOADED_BYTES

__all__ = ["OWNER_PATH", "Doorway", "owner_form"]

OWNER_PATH = "/fkd-owner"
_MOST_FORM_BYTES = 4096
_DAY_S = 86400


class Doorway:
    """ASGI middleware around the app.

    - ``/?key=…`` becomes a cookie, so that the key does not stay in the address bar and the history.
    - `OWNER_PATH` takes the owner's password, and gives a cookie for it.
    - Uploads by strangers are counted: Gradio would take any number of them, and keep each for a day.
    """

    def __init__(self, app: ASGIApp, door: Door):
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        answer = await self._answer(Request(scope, receive)) if scope["type"] == "http" else None
        await (answer or self.app)(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """What to answer in the app's place; None to go on to it."""
        path = request.scope["path"].rstrip("/")
        if request.method == "GET" and path == "" and "key" in request.query_params:
            return self._take_link(request)
        if request.method == "POST" and path == OWNER_PATH:
            return await self._take_password(request)
        if request.method == "POST" and path.endswith("/upload"):
            return self._count_upload(request)
        return None

    def _take_link(self, request: Request) -> Response:
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "key"]
        answer = RedirectResponse("./" + (f"?{urlencode(others)}" if others else ""), 303)
        _set_cookie(answer, request, LINK_COOKIE, request.query_params["key"])
        return answer

    async def _take_password(self, request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _MOST_FORM_BYTES:
                return PlainTextResponse("That is no password.", 413)
        (password, *_) = parse_qs(body.decode(errors="replace")).get("password", [""])
        try:
            token = self.door.owner_token(password, request)
        except RightsError as error:
            return PlainTextResponse(str(error), 429)
        if token is None:
            return PlainTextResponse("That is not the owner's password. Go back and try again.", 403)
        answer = RedirectResponse("./", 303)
        _set_cookie(answer, request, OWNER_COOKIE, token)
        return answer

    def _count_upload(self, request: Request) -> Response | None:
        person = self.door.person(request)
        if self.door.rules.owns(person):
            return None
        length = request.headers.get("content-length", "")
        if not length.isdigit():
            return JSONResponse({"detail": "An upload has to say how long it is."}, 411)
        wait_s = self.door.limits.spend(person.address, UPLOADED_BYTES, int(length))
        if not wait_s:
            return None
        said = f"That were too many uploads in a short time. Go on in {max(1, round(wait_s))} seconds."
        return JSONResponse({"detail": said}, 429, {"Retry-After": str(max(1, round(wait_s)))})


def owner_form() -> str:
    """HTML that asks for the owner's password."""
    return (
        f'<form method="post" action="{escape(OWNER_PATH.lstrip("/"))}" class="fkd-owner">'
        '<input type="text" name="username" value="owner" autocomplete="username" hidden>'
        '<label>Owner’s password <input type="password" name="password" autocomplete="current-password" required>'
        "</label> <button>Enter</button></form>"
    )


def _set_cookie(answer: Response, request: Request, name: str, value: str) -> None:
    """A cookie that scripts do not see. In a Space the app stands in a frame of another site, hence “None”."""
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "").startswith("https")
    answer.set_cookie(
        name, value, max_age=_DAY_S * 7, httponly=True, secure=secure, samesite="none" if secure else "lax",
    )  # fmt: skip
