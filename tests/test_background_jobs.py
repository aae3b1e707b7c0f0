"""Jobs in a thread of their own, one at a time, that let interactive work go first."""

from __future__ import annotations

import threading

import pytest

from fkd.background_jobs import BackgroundJobs


@pytest.fixture
def done() -> list:
    return []


def test_jobs_are_done_in_their_order_and_once(done):
    gate = threading.Event()
    jobs = BackgroundJobs(lambda job: (gate.wait(5), done.append(job)))
    for job in (1, 2, 3, 2):
        jobs.add(job)
    gate.set()
    assert jobs.wait(5) and done == [1, 2, 3]
    jobs.add(2)  # it was done before: now it is another one
    assert jobs.wait(5) and done == [1, 2, 3, 2]


def test_no_job_is_begun_while_somebody_waits_for_an_answer(done):
    jobs = BackgroundJobs(done.append)
    with jobs.interactive():
        with jobs.interactive():
            jobs.add(1)
        assert not jobs.wait(0.05) and done == []
    assert jobs.wait(5) and done == [1]


def test_a_job_that_was_begun_goes_on_beside_it(done):
    begun, gate = threading.Event(), threading.Event()

    def do(job):
        begun.set()
        gate.wait(5)
        done.append(job)

    jobs = BackgroundJobs(do)
    jobs.add(1)
    jobs.add(2)
    assert begun.wait(5)
    with jobs.interactive():  # is not held up by it
        gate.set()
        assert not jobs.wait(0.05)
    assert jobs.wait(5) and done == [1, 2]


def test_a_defect_is_logged_and_the_next_job_has_its_turn(done, caplog):
    def do(job):
        if job == "defect":
            raise ZeroDivisionError
        done.append(job)

    jobs = BackgroundJobs(do)
    with jobs.interactive():
        jobs.add("defect")
        jobs.add("good")
    assert jobs.wait(5) and done == ["good"]
    assert "'defect'" in caplog.text and "ZeroDivisionError" in caplog.text


def test_closing_forgets_what_was_not_begun(done):
    jobs = BackgroundJobs(done.append)
    with jobs.interactive():
        jobs.add(1)
        jobs.close()
    jobs.add(2)
    assert jobs.wait(5) and done == []
