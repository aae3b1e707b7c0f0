"""The Video tab: a clip goes in, its results come out and into the queue; and the camera with points on it."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import numpy as np
import pytest

from fkd.clips import read_clip
from tests.browser.conftest import CHROMIUM_ARGUMENTS, find_chromium
from tests.clips import SIZE, face_at, write_clip

expect = pytest.importorskip("playwright.sync_api").expect
pytestmark = pytest.mark.browser

SLOW_MS = 120_000
N = 20


def walk() -> list[np.ndarray]:
    """The face moves to the right; in two frames it is not there."""
    frames = [face_at(60 + 4 * i, 40) for i in range(N)]
    frames[9] = frames[10] = face_at(400, 0)
    return frames


def open_video_tab(page) -> None:
    page.get_by_role("tab", name="Video").click(timeout=SLOW_MS)


def download(page, button: str, folder: Path) -> Path:
    with page.expect_download(timeout=SLOW_MS) as started:
        page.locator(button).click()
    path = folder / started.value.suggested_filename
    started.value.save_as(path)
    return path


def test_a_clip_comes_back_with_its_points_and_its_doubtful_frames_go_to_the_queue(app, open_desktop, tmp_path):
    page = open_desktop(app.url)
    open_video_tab(page)
    clip = write_clip(tmp_path / "walk.mp4", walk())
    page.locator("#fkd-clip input[type=file]").set_input_files(clip)
    expect(page.locator("#fkd-clip video")).to_be_visible(timeout=SLOW_MS)
    page.locator("#fkd-follow").click()
    expect(page.locator("#fkd-video-status")).to_contain_text(f"{N} frames, 1 face", timeout=SLOW_MS)

    shown = page.locator("#fkd-annotated video")
    expect(shown).to_be_visible(timeout=SLOW_MS)
    expect(shown).to_have_js_property("error", None)
    expect(shown).to_have_js_property("videoWidth", SIZE[0], timeout=SLOW_MS)  # this browser can decode it

    (tmp_path / "out").mkdir()
    video = download(page, "#fkd-video-mp4", tmp_path / "out")
    assert video.name == "walk.mp4" and len(list(read_clip(video))) == N
    with download(page, "#fkd-video-csv", tmp_path / "out").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted({int(row["frame"]) for row in rows}) == list(range(N))
    tip_x = {int(row["frame"]): float(row["nose_tip_x"]) for row in rows if row["face"]}
    assert tip_x[5] - tip_x[0] == pytest.approx(20, abs=3)

    page.locator("#fkd-offer").click()
    queue = page.get_by_test_id("fkd-queue")
    expect(queue).to_be_visible(timeout=SLOW_MS)  # the other tab is open now
    expect(queue.locator(".fkd-queue-waiting")).to_have_text("", timeout=SLOW_MS)
    queue.locator('[data-shown="all"]').click()  # the face may not be found in that frame
    page.keyboard.press("f")
    expect(queue.locator(".fkd-queue-name")).to_contain_text("walk_0000", timeout=SLOW_MS)


def test_no_clip_is_a_sentence(app, open_desktop):
    page = open_desktop(app.url)
    open_video_tab(page)
    page.locator("#fkd-follow").click()
    expect(page.get_by_text("Add a video first.")).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#fkd-video-status")).to_contain_text("Add a clip", timeout=SLOW_MS)


@pytest.fixture
def camera_page(chromium, tmp_path):
    """A page whose camera shows the portrait in front of a grey wall."""
    path = tmp_path / "camera.y4m"
    with av.open(str(path), "w", format="yuv4mpegpipe") as container:
        stream = container.add_stream("wrapped_avframe", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for x in range(90, 110):
            frame = av.VideoFrame.from_ndarray(face_at(x, 40), format="rgb24").reformat(format="yuv420p")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    browser = chromium.browser_type.launch(
        executable_path=find_chromium(),
        args=[*CHROMIUM_ARGUMENTS, *camera, f"--use-file-for-fake-video-capture={path}"],
    )
    yield browser.new_page()
    browser.close()


def test_the_camera_is_shown_with_the_points_of_the_face_in_it(app, camera_page):
    camera_page.goto(app.url, wait_until="domcontentloaded")
    open_video_tab(camera_page)
    camera_page.locator("#fkd-live").get_by_text("Live: the camera").click()
    live = camera_page.get_by_test_id("fkd-live")
    live.get_by_role("button", name="Start the camera").click()
    expect(live.get_by_role("status")).to_contain_text("1 face", timeout=SLOW_MS)
    # Points are blue where the network is sure; the portrait has nothing of that very colour.
    count = """canvas => {
        const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        let blue = 0;
        for (let i = 0; i < data.length; i += 4) blue += data[i] === 86 && data[i + 1] === 180 && data[i + 2] === 233;
        return blue;
    }"""
    assert live.locator("canvas").evaluate(count) > 500
    live.get_by_role("button", name="Stop the camera").click()
    expect(live.get_by_role("button", name="Start the camera")).to_be_visible()
    expect(live.locator("canvas")).to_be_hidden()
