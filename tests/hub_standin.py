"""A stand-in for the Hugging Face Hub: repositories in memory, spoken to over HTTP on 127.0.0.1 by the real client.

It keeps what the tests rely on as the Hub does: a commit is all or nothing, one that names a parent which is no longer
the head is refused with 412, large files go through LFS and are checked against their hash, writing needs a token.
Faults come to order, see :mod:`tests.hub_faults`. The addresses are those of huggingface_hub 1.16 to 2.4.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import urllib.parse
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer

from tests.hub_cards import front_matter_errors
from tests.hub_faults import Fault, FaultyHandler
from tests.hub_services import ServiceAddresses, Services

TOKENS = {"hf_" + "AdaAdaAda" * 4: "ada", "hf_" + "GraceGrace" * 4: "grace"}
ADA, GRACE = TOKENS
_LFS_SUFFIXES = (".safetensors", ".npz", ".png", ".jpg", ".bin")


@dataclass(frozen=True)
class Commit:
    oid: str
    title: str
    author: str
    files: dict[str, bytes]


@dataclass
class Repo:
    """One repository: its commits, oldest first, its tags, and the paths whose contents are not what is served."""

    private: bool
    commits: list[Commit]
    tags: dict[str, str] = field(default_factory=dict)
    lies: dict[str, bytes] = field(default_factory=dict)

    @property
    def head(self) -> Commit:
        return self.commits[-1]

    def at(self, revision: str) -> Commit | None:
        oid = self.head.oid if revision in ("main", "HEAD") else self.tags.get(revision, revision)
        return next((commit for commit in self.commits if commit.oid == oid), None)

    def commit(self, title: str, author: str, files: dict[str, bytes]) -> Commit:
        oid = hashlib.sha1(f"{len(self.commits)}{title}{author}{id(self)}".encode()).hexdigest()
        self.commits.append(Commit(oid, title, author, files))
        return self.head


class HubStandIn:
    """The Hub on a port of 127.0.0.1 while the ``with`` block lasts. ``url`` is what HF_ENDPOINT has to be."""

    def __init__(self):
        self.repos: dict[str, Repo] = {}  # by "models/ada/faces", "datasets/ada/corrections"
        self.stored: dict[str, bytes] = {}  # LFS objects by their SHA-256
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.services = Services()
        self.lock = threading.RLock()
        self.committed = threading.Condition(self.lock)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # a client that was killed or cut off is what some tests are about
        self._server.hub = self
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> HubStandIn:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        for fault in self.faults:
            fault.release.set()
        self._server.shutdown()
        self._server.server_close()

    def fault(self, match: str, **how) -> Fault:
        """Order a fault for requests whose ``METHOD /path`` contains `match`, see :class:`tests.hub_faults.Fault`."""
        self.faults.append(Fault(match, **how))
        return self.faults[-1]

    def create(self, name: str, private: bool = True) -> Repo:
        first = Commit("0" * 39 + str(len(self.repos)), "initial commit", "system", {".gitattributes": b"*.png lfs\n"})
        self.repos[name] = Repo(private, [first])
        return self.repos[name]

    def files(self, name: str) -> dict[str, bytes]:
        """The files at the head of a repository."""
        return self.repos[name].head.files

    def wait_for_commits(self, name: str, count: int, timeout_s: float = 20.0) -> bool:
        """Wait until the repository has so many commits besides its initial one."""
        with self.committed:
            enough = lambda: name in self.repos and len(self.repos[name].commits) > count  # noqa: E731
            return self.committed.wait_for(enough, timeout_s)


class Handler(ServiceAddresses, FaultyHandler):
    """The addresses of the Hub that the client asks for."""

    def do_GET(self) -> None:
        self.answer(self.get)

    def do_HEAD(self) -> None:
        self.answer(self.get)

    def do_POST(self) -> None:
        self.answer(self.post)

    def do_PUT(self) -> None:
        self.answer(self.put)

    # -- reading

    def get(self, parts: list[str]) -> None:
        if parts == ["api", "whoami-v2"]:
            return self.send(200, {"name": self.user, "type": "user"}) if self.user else self.refuse(401)
        if parts[:2] == ["api", "jobs"]:
            return self.get_job(parts) if self.user else self.refuse(401)
        if parts[0] == "api":
            repo = self.repo("/".join(parts[1:4]))
            if repo is None:
                return self.refuse(404 if self.user else 401, "RepoNotFound")
            return self.get_from_api(repo, "/".join(parts[2:4]), parts[4:])
        name = "/".join(parts[:3] if parts[0] == "datasets" else ["models", *parts[:2]])
        repo, rest = self.repo(name), parts[3 if parts[0] == "datasets" else 2 :]
        if repo is None:
            return self.refuse(404 if self.user else 401, "RepoNotFound")
        commit, path = repo.at(rest[1]), "/".join(rest[2:])
        if commit is None:
            return self.refuse(404, "RevisionNotFound")
        if path not in commit.files:
            return self.refuse(404, "EntryNotFound", {"X-Repo-Commit": commit.oid})
        content = commit.files[path]
        headers = {"X-Repo-Commit": commit.oid, "ETag": f'"{etag(path, content)}"'}
        return self.send(200, repo.lies.get(path, content), headers)

    def get_from_api(self, repo: Repo, repo_id: str, rest: list[str]) -> None:
        what, revision = (rest + ["", "main"])[0], rest[1] if len(rest) > 1 else "main"
        commit = repo.at(revision)
        if commit is None:
            return self.refuse(404, "RevisionNotFound")
        if what in ("", "revision"):
            siblings = [{"rfilename": path} for path in commit.files]
            about = {"id": repo_id, "sha": commit.oid, "siblings": siblings, "private": repo.private, "tags": []}
            return self.send(200, about | {"downloads": 0, "likes": 0})
        if what == "commits":
            log = repo.commits[repo.commits.index(commit) :: -1]
            date = "2026-11-21T10:00:00.000Z"
            return self.send(
                200,
                [{"id": c.oid, "authors": [{"user": c.author}], "date": date, "title": c.title, "message": ""}
                 for c in log],
            )  # fmt: skip
        if what == "refs":
            tags = [{"name": n, "ref": f"refs/tags/{n}", "targetCommit": oid} for n, oid in repo.tags.items()]
            main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repo.head.oid}
            return self.send(200, {"branches": [main], "converts": [], "tags": tags})
        if what == "tree":
            return self.send(200, [entry(path, content) for path, content in sorted(commit.files.items())])
        return self.refuse(404)

    # -- writing

    def post(self, parts: list[str]) -> None:
        if parts == ["api", "validate-yaml"]:
            errors = front_matter_errors(json.loads(self.body)["content"])
            return self.send(400 if errors else 200, {"errors": [{"message": e} for e in errors], "warnings": []})
        if "paths-info" in parts:
            repo, revision = self.repo("/".join(parts[1:4])), parts[5]
            if repo is None:
                return self.refuse(404, "RepoNotFound")
            files, asked = repo.at(revision).files, urllib.parse.parse_qs(self.body.decode())["paths"]
            return self.send(200, [entry(path, files[path]) for path in asked if path in files])
        if not self.user:
            return self.refuse(401)
        if parts == ["api", "repos", "create"]:
            return self.create_repo(json.loads(self.body))
        if parts[-1] == "batch":
            return self.lfs_batch(json.loads(self.body))
        if parts[0] == "lfs":
            wanted = json.loads(self.body)
            whole = len(self.hub.stored.get(wanted["oid"], b"")) == wanted["size"]
            return self.send(200, {}) if whole else self.refuse(404)
        if parts[:2] == ["api", "jobs"]:
            return self.create_job(parts)
        repo = self.repo("/".join(parts[1:4]))
        if repo is None:
            return self.refuse(404, "RepoNotFound")
        if parts[4] in ("variables", "secrets"):
            return self.set_in_space(parts)
        action = {"preupload": self.preupload, "commit": self.commit, "tag": self.tag}[parts[4]]
        return action(repo, parts)

    def create_repo(self, wanted: dict) -> None:
        owner = wanted.get("organization") or self.user
        name = f"{wanted.get('type', 'model')}s/{owner}/{wanted['name']}"
        if owner != self.user:
            return self.refuse(403, message="You don't have the rights to create a repository under this namespace")
        made = {"url": f"{self.hub.url}/{owner}/{wanted['name']}"}
        if name in self.hub.repos:
            return self.send(409, made | {"error": "You already created this repo"})
        self.hub.create(name, wanted.get("visibility", wanted.get("private")) in ("private", True))
        return self.send(200, made)

    def preupload(self, repo: Repo, parts: list[str]) -> None:
        answers = []
        for file in json.loads(self.body)["files"]:
            path, content = file["path"], repo.head.files.get(file["path"])
            mode = "lfs" if path.endswith(_LFS_SUFFIXES) else "regular"
            oid = None if content is None else etag(path, content)
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": oid})
        self.send(200, {"files": answers})

    def lfs_batch(self, wanted: dict) -> None:
        objects = []
        for item in wanted["objects"]:
            href = f"{self.hub.url}/lfs/{item['oid']}"
            actions = {"upload": {"href": f"{href}?X-Signature=s3cr3t"}, "verify": {"href": f"{href}/verify"}}
            objects.append(item | ({} if item["oid"] in self.hub.stored else {"actions": actions}))
        self.send(200, {"transfer": "basic", "objects": objects})

    def put(self, parts: list[str]) -> None:
        if hashlib.sha256(self.body).hexdigest() != parts[1]:
            return self.refuse(400)
        self.hub.stored[parts[1]] = self.body
        return self.send(200, {})

    def commit(self, repo: Repo, parts: list[str]) -> None:
        lines = [json.loads(line) for line in self.body.splitlines()]
        header = lines[0]["value"]
        if header.get("parentCommit", repo.head.oid) != repo.head.oid:
            return self.refuse(412, message="A commit has happened since. Please refresh and try again.")
        files = dict(repo.head.files)
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "deletedFile":
                del files[value["path"]]
            elif line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif value["oid"] in self.hub.stored:
                files[value["path"]] = self.hub.stored[value["oid"]]
            else:
                return self.refuse(400, message="LFS pointer pointed to a file that does not exist")
        made = repo.commit(header["summary"], self.user, files)
        self.hub.committed.notify_all()
        return self.send(200, {"commitUrl": f"{self.hub.url}/{parts[2]}/{parts[3]}/commit/{made.oid}",
                               "commitOid": made.oid})  # fmt: skip

    def tag(self, repo: Repo, parts: list[str]) -> None:
        name = json.loads(self.body)["tag"]
        if name in repo.tags:
            return self.refuse(409, message=f"Tag {name} already exists")
        repo.tags[name] = repo.at(parts[5]).oid
        return self.send(200, {})

    # -- who asks, and for what

    @property
    def user(self) -> str:
        return TOKENS.get(self.headers.get("Authorization", "").removeprefix("Bearer "), "")

    def repo(self, name: str) -> Repo | None:
        repo = self.hub.repos.get(name)
        return repo if repo is not None and (self.user or not repo.private) else None


def etag(path: str, content: bytes) -> str:
    """SHA-256 of an LFS file, git's blob hash of any other."""
    if path.endswith(_LFS_SUFFIXES):
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content).hexdigest()


def entry(path: str, content: bytes) -> dict:
    about = {"type": "file", "path": path, "size": len(content), "oid": etag(path, content)}
    if path.endswith(_LFS_SUFFIXES):
        about["lfs"] = {"oid": etag(path, content), "size": len(content), "pointerSize": 130}
    return about
