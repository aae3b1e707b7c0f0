"""The corrections of many programs, from a dataset repository on the Hub: their shards joined to one corrections.csv.

Every program writes ``corrections/<host>-<uuid>.csv`` of its own (:mod:`fkd.hub_corrections`), so that none can lose
another's rows; the pictures lie once under ``images/``, named by the hash of their contents.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fkd.correction_file import CorrectionFile
from fkd.correction_rows import check_header, decode_line, from_row, links_of
from fkd.corrections import Correction, Undo
from fkd.durable import write_whole
from fkd.errors import CorrectionsError, FkdError
from fkd.hub_client import check_repo_id, fetch_file, hub_api, hub_errors_in_words
from fkd.image_store import content_name

__all__ = ["PulledCorrections", "join_shards", "pull_corrections", "rows_on_hub"]

_SHARD = re.compile(r"corrections/[^/]+\.csv")
_MOST_PICTURE_BYTES = 100_000_000
_DOWNLOADS_AT_ONCE = 4


@dataclass(frozen=True)
class PulledCorrections:
    """What a pull brought.

    Attributes:
        ids: of all rows on the Hub.
        new_rows: how many of them were appended here.
        new_pictures: how many pictures were fetched.
        problems: a sentence for each picture that is missing or was refused.
    """

    ids: frozenset[str]
    new_rows: int
    new_pictures: int
    problems: tuple[str, ...]


@dataclass(frozen=True)
class _Row:
    line: bytes
    record: Correction | Undo
    shard: str


def pull_corrections(repo: str, folder: Path) -> PulledCorrections:
    """Bring the rows of all shards of a dataset repository, and their pictures, to the corrections in `folder`.

    Rows that are there already stay as they are, and the rest is appended; pictures come first, so that no row ever
    names one that is not there. A repository that does not exist yet has no rows.

    Raises:
        HubError: if the Hub cannot be reached, or refuses.
        CorrectionsError: if a row cannot be read, two rows with one id differ, the rows here would stand before the
            ones that they supersede, or the folder cannot be written to. Nothing was appended then.
    """
    files, commit = _listing(check_repo_id(repo))
    try:
        return _bring(repo, files, commit, folder)
    except OSError as error:
        raise CorrectionsError(f"{folder} cannot be written to ({error.strerror or error}).") from error


def _bring(repo: str, files: dict, commit: str, folder: Path) -> PulledCorrections:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="fkd-") as staging:
        rows = join_shards(_fetch_shards(repo, files, commit, Path(staging)))
        # Before the pictures, which take long: what cannot be appended should come out at once.
        _rows_to_append(CorrectionFile(folder / "corrections.csv"), rows)
        fetched, problems = _fetch_pictures(repo, commit, files, rows, folder, Path(staging))
    file = CorrectionFile(folder / "corrections.csv")
    with file.locked():
        new = _rows_to_append(file, rows)
        if new:
            file.append(b"".join(row.line + b"\n" for row in new))
    return PulledCorrections(frozenset(row.record.id for row in rows), len(new), fetched, tuple(problems))


def rows_on_hub(repo: str) -> frozenset[str]:
    """The ids of all rows in a dataset repository that can be read; changes nothing here.

    What cannot be read is passed over: somebody else's damage must not keep us from saving ours.

    Raises:
        HubError: if the Hub cannot be reached, or refuses.
    """
    files, commit = _listing(check_repo_id(repo))
    with tempfile.TemporaryDirectory(prefix="fkd-") as staging:
        shards = _fetch_shards(repo, files, commit, Path(staging))
    ids = set()
    for content in shards.values():
        for line in content.splitlines()[1:]:
            with suppress(CorrectionsError):
                ids.add(links_of(line).id)
    return frozenset(ids)


def join_shards(shards: Mapping[str, bytes]) -> list[_Row]:
    """The rows of all shards, oldest first, each after the one that it supersedes; the same row twice counts once.

    Args:
        shards: the contents of the files by their names.

    Raises:
        CorrectionsError: if a row cannot be read, two rows with one id differ, or rows supersede each other in a ring.
    """
    rows: dict[str, _Row] = {}
    for name, content in shards.items():
        for number, line in _lines(name, content):
            try:
                row = _Row(line, from_row(decode_line(line)), name)
            except CorrectionsError as error:
                raise CorrectionsError(f"{name} on the Hub, line {number}: {error}") from error
            earlier = rows.setdefault(row.record.id, row)
            if earlier.record != row.record:
                raise CorrectionsError(
                    f"Two different rows have the id {row.record.id}: one in {earlier.shard}, one in {name}. One of "
                    "them was changed; remove it from the repository."
                )
    return list(_in_order(rows))


def _lines(name: str, content: bytes) -> Iterator[tuple[int, bytes]]:
    header, *lines = content.splitlines() or [b""]
    try:
        check_header(header)
    except CorrectionsError as error:
        raise CorrectionsError(f"{name} on the Hub is no corrections file that this fkd reads. {error}") from error
    yield from ((number, line) for number, line in enumerate(lines, start=2) if line.strip())


def _in_order(rows: dict[str, _Row]) -> Iterator[_Row]:
    done: set[str] = set()
    for row in sorted(rows.values(), key=lambda row: (row.record.time_utc, row.record.id)):
        chain = []  # clocks differ: what it supersedes may be dated later, and comes before it all the same
        while row is not None and row.record.id not in done:
            if row in chain:
                raise CorrectionsError(f"Row {row.record.id} in {row.shard} supersedes itself in a ring; remove one.")
            chain.append(row)
            row = rows.get(row.record.supersedes)
        for earlier in reversed(chain):
            done.add(earlier.record.id)
            yield earlier


def _rows_to_append(file: CorrectionFile, rows: list[_Row]) -> list[_Row]:
    """Those of the rows that the file lacks, after a look whether they may be appended to it."""
    here, superseded = {}, {}
    for _, line in file.forwards():
        links = links_of(line)
        here[links.id] = hash(line)
        superseded[links.supersedes] = links.id
    new = [row for row in rows if row.record.id not in here]
    for row in new:
        if row.record.id in superseded:
            raise CorrectionsError(
                f"Row {superseded[row.record.id]} in {file.path} supersedes {row.record.id}, which is on the Hub only. "
                "Bring everything together in a new folder."
            )
    changed = [row for row in rows if here.get(row.record.id, hash(row.line)) != hash(row.line)]
    if changed:
        records = {links_of(line).id: line for _, line in file.forwards()}
        for row in changed:  # a spreadsheet may have put other quotes around the same cells
            if from_row(decode_line(records[row.record.id])) != row.record:
                raise CorrectionsError(
                    f"Row {row.record.id} in {file.path} differs from the one in {row.shard} on the Hub. One of them "
                    "was changed; remove it."
                )
    return new


def _listing(repo: str) -> tuple[dict, str]:
    """The files of the dataset repository by their paths, and its newest commit; none if there is no repository."""
    from huggingface_hub.errors import RepositoryNotFoundError
    from huggingface_hub.hf_api import RepoFile

    api = hub_api()
    with hub_errors_in_words(repo):
        try:
            commit = api.dataset_info(repo, timeout=10.0).sha
        except RepositoryNotFoundError:
            return {}, ""
        tree = api.list_repo_tree(repo, recursive=True, revision=commit, repo_type="dataset")
        return {file.path: file for file in tree if isinstance(file, RepoFile)}, commit


def _fetch_shards(repo: str, files: dict, commit: str, staging: Path) -> dict[str, bytes]:
    return {
        path: fetch_file(repo, file, commit, staging, repo_type="dataset")
        for path, file in sorted(files.items())
        if _SHARD.fullmatch(path)
    }


def _fetch_pictures(repo, commit, files, rows, folder: Path, staging: Path) -> tuple[int, list[str]]:
    """Fetch the pictures that the rows name and the folder lacks: how many came, a sentence for each that did not."""
    wanted = sorted({row.record.image for row in rows if not (folder / row.record.image).is_file()})
    problems = [f"{name} is neither here nor on the Hub." for name in wanted if name not in files]

    def fetch(name: str) -> str:
        if files[name].size > _MOST_PICTURE_BYTES:
            return f"{name} on the Hub is far too large for a picture; it was not fetched."
        content = fetch_file(repo, files[name], commit, staging, repo_type="dataset")
        if content_name(content) != Path(name).stem:
            return f"{name} on the Hub does not have the contents that its name stands for; it was refused."
        write_whole(folder / name, content)
        return ""

    (folder / "images").mkdir(exist_ok=True)
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        try:
            told = list(pool.map(fetch, [name for name in wanted if name in files]))
        except FkdError:
            pool.shutdown(cancel_futures=True)
            raise
    problems += [sentence for sentence in told if sentence]
    return sum(not sentence for sentence in told), problems
