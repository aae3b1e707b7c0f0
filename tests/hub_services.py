"""What the stand-in Hub does beside keeping repositories: settings of Spaces, and Jobs that somebody else has run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Job:
    """A job as it was asked for. It ends as soon as its log is read, in `stage`, after `work` has been done."""

    spec: dict
    stage: str
    log: tuple[str, ...]
    work: Callable[[dict], None]


@dataclass
class Services:
    """What was asked for, and how the next job goes.

    Attributes:
        variables, secrets: of Spaces, by their name.
        jobs: by their id.
        job_log, job_stage, job_work: of the jobs to come.
        left: writes what a job leaves into a folder, see :mod:`tests.hub_jobs`.
    """

    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    secrets: dict[str, dict[str, str]] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)
    job_log: tuple[str, ...] = ()
    job_stage: str = "COMPLETED"
    job_work: Callable[[dict], None] = lambda spec: None
    left: Callable[[Path], None] = lambda folder: None


class ServiceAddresses:
    """The addresses of these services, for the handler of the stand-in."""

    def get_job(self, parts: list[str]) -> None:
        job = self.hub.services.jobs.get(parts[3])
        if job is None:
            return self.refuse(404)
        if parts[4:] != ["logs"]:
            return self.send(200, self.about(parts[3], job))
        job.work(job.spec)
        lines = [json.dumps({"data": line, "timestamp": "2026-11-21T10:00:00Z"}) for line in job.log]
        return self.send(200, "".join(f"data: {line}\n\n" for line in lines).encode())

    def create_job(self, parts: list[str]) -> None:
        services, number = self.hub.services, f"job{len(self.hub.services.jobs)}"
        if parts[4:] == ["cancel"]:
            services.jobs[parts[3]].stage = "CANCELED"
            return self.send(200, {})
        job = Job(json.loads(self.body), services.job_stage, services.job_log, services.job_work)
        services.jobs[number] = job
        return self.send(200, self.about(number, job))

    def about(self, number: str, job: Job) -> dict:
        message = None if job.stage == "COMPLETED" else "it went wrong"
        return {
            "id": number, "createdAt": "2026-11-21T10:00:00.000Z",
            "owner": {"id": "1", "name": self.user, "type": "user"},
            "status": {"stage": job.stage, "message": message}, "flavor": job.spec["flavor"],
            "command": job.spec["command"], "environment": job.spec["environment"],
        }  # fmt: skip

    def set_in_space(self, parts: list[str]) -> None:
        wanted, kind = json.loads(self.body), parts[4]
        kept = getattr(self.hub.services, kind).setdefault("/".join(parts[2:4]), {})
        kept[wanted["key"]] = wanted["value"]
        return self.send(200, {key: {"value": value} for key, value in kept.items()} if kind == "variables" else {})
