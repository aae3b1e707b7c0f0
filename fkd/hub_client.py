"""The client of the Hugging Face Hub: how it is asked, and what its errors mean to a person.

Nothing that leaves this module holds a token: messages and log lines go through :func:`without_tokens`.
"""

from __future__ import annotations

import functools
import hashlib
import logging
import os
import re
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fkd.errors import FkdError, HubError
from fkd.version import __version__

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

__all__ = [
    "check_repo_id",
    "fetch_file",
    "holds_token",
    "hub_api",
    "hub_errors_in_words",
    "tokens_in_use",
    "without_tokens",
]

# The client itself would wait for ever. A server that says nothing for so long is taken for gone.
SILENCE_S = 60.0

_TOKEN = re.compile(r"\b(?:hf|api_org)_[A-Za-z0-9]{16,}")
_TOKEN_BYTES = re.compile(_TOKEN.pattern.encode())
_CREDENTIALS_IN_URL = re.compile(r"(?<=://)[^\s/@]+@")
_SECRET_IN_QUERY = re.compile(r"([?&](?:x-[\w-]*|\w*token|sig\w*|policy|key\w*)=)[^&\s'\"”]+", re.IGNORECASE)
_importing = threading.Lock()
_REPO_ID = re.compile(r"[\w][\w.-]*/[\w][\w.-]*")


def hub_api() -> HfApi:
    """The client, for the Hub that HF_ENDPOINT names or else huggingface.co, with the token that people log in with."""
    _import_client()
    from huggingface_hub import HfApi

    # Read here and not by the client, which looks at the environment once, when it is imported.
    return HfApi(os.environ.get("HF_ENDPOINT") or None, library_name="fkd", library_version=__version__)


def check_repo_id(repo: str) -> str:
    """`repo`, if it looks like ``user/name``.

    Raises:
        HubError: if it does not.
    """
    if not _REPO_ID.fullmatch(repo):
        raise HubError(f"“{without_tokens(repo)}” is no repository of the Hub. Write it as user/name.")
    return repo


@contextmanager
def hub_errors_in_words(repo: str) -> Iterator[None]:
    """Raise what the client raises meanwhile as a HubError: one sentence on `repo`, what to do, and no token.

    The client's own errors quote addresses, headers and whatever the server said; so they are not chained either.
    """
    _import_client()
    from huggingface_hub.errors import HFValidationError, HTTPError, XetDownloadError

    try:
        yield
    except FkdError:
        raise
    except HFValidationError as error:
        raise HubError(f"“{without_tokens(repo)}” is no repository of the Hub: {without_tokens(str(error))}") from None
    except (HTTPError, XetDownloadError, OSError, RuntimeError, ValueError, KeyError) as error:
        raise _in_words(error, without_tokens(repo)) from None


def fetch_file(repo: str, file: RepoFile, commit: str, staging: Path, repo_type: str = "model") -> bytes:
    """The contents of one file of a repository, fetched into `staging`, once they have the hash that the Hub names.

    The client itself checks the size only.

    Raises:
        HubError: if it cannot be fetched, or came damaged.
    """
    with hub_errors_in_words(repo):
        # Not from the client's cache: what is damaged there would be damaged here.
        path = hub_api().hf_hub_download(
            repo, file.path, repo_type=repo_type, revision=commit, local_dir=staging, force_download=True
        )
    content = Path(path).read_bytes()
    if file.lfs:
        whole = hashlib.sha256(content).hexdigest() == file.lfs.sha256
    else:
        whole = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == file.blob_id  # as git does
    if not whole:
        raise HubError(
            f"{file.path} of {repo} does not have the hash that the Hub names: damaged or tampered with on its way, "
            "and not used. Try again."
        )
    return content


def without_tokens(text: str) -> str:
    """`text` with every Hub token, password in a URL and signature of a signed URL replaced by ``[secret]``."""
    for secret in tokens_in_use():
        text = text.replace(secret, "[secret]")
    text = _TOKEN.sub("[secret]", text)
    return _SECRET_IN_QUERY.sub(r"\1[secret]", _CREDENTIALS_IN_URL.sub("[secret]@", text))


def holds_token(line: bytes, tokens: Iterable[str]) -> bool:
    """Whether a line that is to be published has one of these tokens in it, or what looks like one."""
    return _TOKEN_BYTES.search(line) is not None or any(token.encode() in line for token in tokens)


def tokens_in_use() -> list[str]:
    """The tokens that this process would log in with. Looking for them takes a millisecond."""
    _import_client()
    from huggingface_hub import get_token

    named = (os.environ.get(name, "").strip() for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"))
    return [token for token in {*named, get_token() or ""} if len(token) >= 8]


def _in_words(error: Exception, repo: str) -> HubError:
    from huggingface_hub.errors import HfHubHTTPError, HTTPError, XetDownloadError

    causes = [error]
    while cause := causes[-1].__cause__:  # an upload in a thread, or a look into the cache, wraps what went wrong
        causes.append(cause)
    refusal = next((cause for cause in causes if isinstance(cause, HfHubHTTPError)), None)
    if refusal is not None:
        return _refusal_in_words(refusal, repo)
    for cause in causes:
        if isinstance(cause, (HTTPError, ConnectionError, TimeoutError, XetDownloadError)):
            return HubError(
                f"The Hub cannot be reached for {repo}, or the connection broke off ({type(cause).__name__}). "
                "Check the network and try again."
            )
    reason = without_tokens(str(error)).strip().splitlines() or [type(error).__name__]
    return HubError(f"The transfer with {repo} on the Hub failed: {' '.join(reason)[:300]}")


def _refusal_in_words(error: Exception, repo: str) -> HubError:
    from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

    status, retry_after_s = error.response.status_code, None
    said = without_tokens(error.response.headers.get("X-Error-Message") or error.server_message or "")[:300]
    if isinstance(error, RevisionNotFoundError):
        words = f"{repo} has no such version or commit on the Hub. `python -m fkd hub log` lists what there is."
    elif isinstance(error, RepositoryNotFoundError):
        words = (
            f"There is no {repo} on the Hub, or it is private and you are not logged in as somebody who may see it. "
            "Check the name, and log in with `hf auth login` or HF_TOKEN."
        )
    elif status == 401:
        words = "The Hub does not accept the token, or there is none. Log in with `hf auth login`, or set HF_TOKEN."
    elif status == 403:
        words = f"The token does not allow this on {repo}. Make one that does at huggingface.co/settings/tokens."
    elif status == 404:
        words = f"{repo} on the Hub lacks a file that is needed. Choose another version, or push the weights again."
    elif status in (409, 412):
        words = f"Somebody else changed {repo} on the Hub at the same moment. Nothing was changed by you; try again."
    elif status == 429:
        retry_after_s = _retry_after_s(error.response.headers)
        when = f"in {retry_after_s:.0f} seconds" if retry_after_s else "in some minutes"
        words = f"The Hub has had too many requests. Try again {when}."
    elif status >= 500:
        words = f"The Hub has trouble of its own with {repo} (status {status}). Try again later."
    else:
        words = f"The Hub refused the request on {repo} (status {status}): {said or 'it gave no reason'}"
    return HubError(words, status=status, retry_after_s=retry_after_s)


def _retry_after_s(headers) -> float | None:
    value = headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


class _SecretFilter(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        record.msg, record.args = without_tokens(record.getMessage()), ()
        return True


def _import_client() -> None:
    """Import the client and guard it; before anything else of it is imported, in a thread above all.

    Its modules are imported lazily and name each other: two threads that begin with it at once get ImportErrors.
    """
    with _importing:
        _guard_client()


@functools.cache
def _guard_client() -> None:
    """Once a process: let no request wait for ever, and no token or signed address into a log."""
    import huggingface_hub.hf_api  # noqa: F401 (all of the client that is used here)
    from huggingface_hub import set_client_factory
    from huggingface_hub.utils._http import default_client_factory

    def client():
        made = default_client_factory()
        made.timeout = SILENCE_S
        return made

    set_client_factory(client)
    # A logger's filter sees only its own lines, a handler's sees those of the loggers below as well.
    for handler in logging.getLogger("huggingface_hub").handlers:
        handler.addFilter(_SecretFilter())
    for name in ("httpx", "httpx2", "httpcore.http11", "httpcore2.http11"):
        logging.getLogger(name).addFilter(_SecretFilter())
