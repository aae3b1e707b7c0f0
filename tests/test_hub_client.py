"""What the Hub's refusals and a bad line become: a sentence that says what to do, and never a token."""

from __future__ import annotations

import contextlib
import logging
import traceback

import huggingface_hub
import pytest

from fkd import HubError
from fkd.hub_client import check_repo_id, hub_api, hub_errors_in_words, without_tokens
from tests.hub_standin import ADA

FACES = "models/ada/faces"


def ask(repo: str = "ada/faces") -> HubError:
    """Ask for a repository; the error that comes of it."""
    with pytest.raises(HubError) as caught, hub_errors_in_words(repo):
        hub_api().model_info(repo)
    return caught.value


@pytest.mark.parametrize(
    ("status", "headers", "sentence"),
    [
        (
            401,
            {"X-Error-Message": "Invalid credentials in Authorization header"},
            "does not accept the token, or there is none.*auth login",
        ),
        (401, {"X-Error-Code": "RepoNotFound"}, "There is no ada/faces on the Hub, or it is private"),
        (403, {}, "token does not allow this on ada/faces"),
        (404, {"X-Error-Code": "RepoNotFound"}, "There is no ada/faces on the Hub"),
        (404, {"X-Error-Code": "RevisionNotFound"}, "no such version or commit"),
        (404, {"X-Error-Code": "EntryNotFound"}, "lacks a file"),
        (409, {}, "Somebody else changed ada/faces.*try again"),
        (412, {}, "Somebody else changed ada/faces.*try again"),
        (418, {}, r"refused the request on ada/faces \(status 418\): ordered"),
        (429, {}, "too many requests. Try again in some minutes"),
        (429, {"Retry-After": "17"}, "too many requests. Try again in 17 seconds"),
        (500, {}, r"trouble of its own with ada/faces \(status 500\)"),
        (503, {}, r"trouble of its own with ada/faces \(status 503\)"),
    ],
)
def test_each_refusal_has_its_sentence(hub, status, headers, sentence):
    hub.create(FACES)
    hub.fault("GET /api", status=status, headers=headers, times=9)
    error = ask()
    assert error.status == status
    with pytest.raises(HubError, match=sentence):
        raise error
    assert error.retry_after_s == (17 if headers.get("Retry-After") else None)


def test_a_connection_that_is_cut_off_or_refused_is_told_from_a_refusal(hub, monkeypatch):
    hub.create(FACES)
    hub.fault("GET /api", cut_after=10, times=9)
    error = ask()
    assert error.status is None and "cannot be reached for ada/faces" in str(error)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")  # discard: nobody listens
    assert "cannot be reached for ada/faces" in str(ask())


def test_a_hub_that_says_nothing_is_not_waited_for_for_ever(hub):
    hub.create(FACES)
    hub.fault("GET /api", hold="before")
    hub_api()
    assert huggingface_hub.get_session().timeout.read == 60.0  # the client's own default is None
    with pytest.raises(HubError, match="cannot be reached"), hub_errors_in_words("ada/faces"):
        hub_api().model_info("ada/faces", timeout=0.05)


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("xet: CAS service error"),  # as Xet raises it
        huggingface_hub.errors.HTTPError("timed out"),  # httpx's or httpx2's, as the client was made
        huggingface_hub.errors.OfflineModeIsEnabled("offline"),
    ],
)
def test_xet_timeouts_and_offline_mode_are_connection_trouble(error):
    with pytest.raises(HubError, match="cannot be reached for ada/faces") as caught, hub_errors_in_words("ada/faces"):
        raise RuntimeError("Error while uploading") from error
    assert caught.value.status is None


def test_a_full_disk_is_not_taken_for_the_network():
    sentence = "transfer with ada/faces on the Hub failed: .*No space"
    with pytest.raises(HubError, match=sentence), hub_errors_in_words("ada/faces"):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("repo", ["faces", "a/b/c", "../x", "https://hf.co/ada/faces", ""])
def test_a_repository_is_user_slash_name(repo):
    with pytest.raises(HubError, match="Write it as user/name"):
        check_repo_id(repo)


@pytest.mark.parametrize(
    "text",
    [
        f"Bearer {ADA}",
        "https://ada:geheim123@hub.example/api",
        "PUT https://s3.example/blob?X-Amz-Signature=geheim123&X-Amz-Credential=geheim123",
        "https://hub.example/?access_token=geheim123",
        "hf_" + "z" * 34 + " of somebody else",
    ],
)
def test_no_token_password_or_signature_is_left_in_a_text(monkeypatch, text):
    monkeypatch.setenv("HF_TOKEN", "something-that-looks-like-nothing")
    clean = without_tokens(text + " something-that-looks-like-nothing")
    assert not any(secret in clean for secret in (ADA, "geheim123", "zzz", "looks-like-nothing"))
    assert "[secret]" in clean


def test_words_without_a_secret_stay_as_they_are():
    text = "The version hf_mine of ada/faces: https://huggingface.co/ada/faces?revision=v2 at 10:00"
    assert without_tokens(text) == text


def test_no_token_reaches_an_error_its_traceback_or_a_log(hub, monkeypatch, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HF_ENDPOINT", hub.url.replace("http://", "http://ada:geheim123@"))
    hub.create(FACES)
    for status in (401, 403, 400, 500):
        hub.fault("", status=status, message=f"{ADA} is no good token", times=9)
        for call in (
            lambda: hub_api().model_info("ada/faces"),
            lambda: hub_api().create_repo("ada/other"),
            lambda: hub_api().hf_hub_download("ada/faces", "config.json"),
            lambda: hub_api().upload_file(path_or_fileobj=b"x", path_in_repo="a.png", repo_id="ada/faces"),
        ):
            try:
                with hub_errors_in_words("ada/faces"):
                    call()
            except HubError:
                said = traceback.format_exc()
                assert ADA not in said and "geheim123" not in said
        hub.faults.clear()
    logged = caplog.text + "".join(capfd.readouterr())
    assert "HTTP Error 500" in logged  # the client did log
    assert ADA not in logged and "geheim123" not in logged and "s3cr3t" not in logged


def test_a_signed_address_of_an_upload_is_not_logged(hub, caplog):
    caplog.set_level(logging.DEBUG)
    hub.create(FACES)
    hub.fault("PUT /lfs", status=500)
    with contextlib.suppress(HubError), hub_errors_in_words("ada/faces"):
        hub_api().upload_file(path_or_fileobj=b"x", path_in_repo="a.png", repo_id="ada/faces")
    assert "PUT" in caplog.text and "X-Signature=[secret]" in caplog.text and "s3cr3t" not in caplog.text
