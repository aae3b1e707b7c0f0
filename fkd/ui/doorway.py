"""What every request passes before it gets to Gradio: links for annotators, the owner's password, and large bodies."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fkd.errors import RightsError
from fkd.ui.bodies import names_an_address, replayed
from fkd.ui.door import LINK_COOKIE, OWNER_COOKIE, Door
from fkd.ui.limits import LOGINS, UPLOADED_BYTES

__all__ = ["OWNER_PATH", "Doorway", "owner_form"]

OWNER_PATH = "/fkd-owner"
_MOST_FORM_BYTES = 4096
_MOST_EVENT_BYTES = 24_000_000  # a photo of the largest size as a data: address, as agents send it
_DAY_S = 86400


class Doorway:
    """ASGI middleware around the app.

    - ``/?key=…`` becomes a cookie, so that the key does not stay in the address bar and the history.
    - `OWNER_PATH` takes the owner's password, and gives a cookie for it.
    - What strangers send is counted: Gradio would take any number of uploads, and keep each for a day.
    - Events of strangers may not name files by an address: Gradio would fetch a file of any size from there.
    """

    def __init__(self, app: ASGIApp, door: Door):
        self.app, self.door = app, door

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request = Request(scope, receive)
        answer = await self._answer(request)
        if answer is None and request.method == "POST" and not self._is_upload(request) and self._is_strangers(request):
            body = await request.body()
            answer = _upload_it() if names_an_address(body) else None
            receive = replayed(body, receive)
        return await (answer or self.app)(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """What to answer in the app's place; None to go on to it."""
        path = request.scope["path"].rstrip("/")
        if request.method == "GET" and path == "" and "key" in request.query_params:
            return self._take_link(request)
        if request.method == "POST" and path == OWNER_PATH:
            return await self._take_password(request)
        if request.method == "POST" and self._is_strangers(request):
            return (self._spend(request, LOGINS) if path.endswith("/login") else None) or self._count(request)
        return None

    def _is_upload(self, request: Request) -> bool:
        return request.scope["path"].rstrip("/").endswith("/upload")

    def _is_strangers(self, request: Request) -> bool:
        return not self.door.rules.owns(self.door.person(request))

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

    def _count(self, request: Request) -> Response | None:
        length = request.headers.get("content-length", "")
        if not length.isdigit() or "transfer-encoding" in request.headers:
            return JSONResponse({"detail": "A request has to say how long it is."}, 411)
        if int(length) > _MOST_EVENT_BYTES and not self._is_upload(request):  # of uploads, Gradio limits each file
            return JSONResponse({"detail": "This is larger than any event of the page. Upload files instead."}, 413)
        return self._spend(request, UPLOADED_BYTES, int(length))

    def _spend(self, request: Request, what: str, amount: float = 1.0) -> Response | None:
        wait_s = self.door.limits.spend(self.door.person(request).address, what, amount)
        if not wait_s:
            return None
        said = f"That were too many {what} in a short time. Go on in {max(1, round(wait_s))} seconds."
        return JSONResponse({"detail": said}, 429, {"Retry-After": str(max(1, round(wait_s)))})


def _upload_it() -> Response:
    said = "This app fetches no files for strangers. Upload the photo, or send it as data:image/jpeg;base64,…"
    return JSONResponse({"detail": said}, 403)


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
