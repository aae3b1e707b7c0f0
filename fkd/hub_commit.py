"""One commit of corrections to a dataset repository on the Hub: a shard, its pictures, and once the card."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from pathlib import Path

from fkd.errors import HubError
from fkd.hub_client import hub_api, hub_errors_in_words
from fkd.image_store import content_name

__all__ = ["DATASET_CARD", "commit_rows"]

_TRIES = 8

# The Hub's viewer shows what `configs` names, https://huggingface.co/docs/hub/datasets-manual-configuration.
DATASET_CARD = """---
pretty_name: Corrected facial keypoints
license: other
license_name: research-only
tags:
- facial-keypoints
- fkd
configs:
- config_name: default
  data_files:
  - split: train
    path: corrections/*.csv
---

# Corrected facial keypoints

Faces whose keypoints a person corrected with fkd. `corrections/` holds one CSV a program that saved here, one row a
saved face, only ever added to; `images/` holds each picture once, named by the hash of its contents.

```bash
python -m fkd hub pull-corrections --repo {repo} --out annotations
```

brings everything together as one `corrections.csv` that `python -m training finetune` reads.

| column | contents |
|---|---|
| `id`, `time_utc` | name of the row, and when it was saved |
| `image`, `image_width`, `image_height` | the picture, and its size in pixels |
| `scheme` | name of the keypoint scheme: how many points, and in which order |
| `box_xyxy` | the face's box, pixels of the picture |
| `predicted_xy`, `corrected_xy` | points (x, y), pixels, the top-left pixel at (0, 0): the model's, the person's |
| `confidence`, `states` | how sure the model was of each point; what the person did with it |
| `model_version`, `annotator` | who predicted, who corrected |
| `supersedes`, `action` | the earlier row that this one replaces (`save`) or takes back (`undo`) |

The pictures show people. Keep the repository private unless all of them agreed to its publication.
"""


def commit_rows(repo: str, shard: str, content: bytes, folder: Path, pictures: Sequence[str]) -> list[str]:
    """Write a shard and those of its pictures that are not there yet, all in one commit or not at all.

    The commit is made on top of the newest one; if somebody else commits meanwhile, it is tried again on top of that.
    The repository and its card are made when they are missing.

    Args:
        shard: path in the repository, which only this process writes.
        pictures: paths of pictures, the same in `folder` and in the repository.

    Returns:
        A sentence for each picture that could not be sent.

    Raises:
        HubError: if the Hub cannot be reached, or refuses.
    """
    from huggingface_hub import CommitOperationAdd

    tries = 0
    while True:
        parent, there = _what_is_there(repo, ["README.md", *pictures])
        operations, notices = [CommitOperationAdd(shard, content)], []
        if "README.md" not in there:
            operations.append(CommitOperationAdd("README.md", DATASET_CARD.replace("{repo}", repo).encode()))
        for name in pictures:
            if name in there:
                continue
            try:
                picture = (folder / name).read_bytes()
            except OSError as error:
                notices.append(f"{name} cannot be read here ({error.strerror}) and was not sent.")
                continue
            if content_name(picture) != Path(name).stem:
                notices.append(f"{name} was changed after it was saved, and was not sent.")
                continue
            operations.append(CommitOperationAdd(name, picture))
        try:
            with hub_errors_in_words(repo):
                hub_api().create_commit(
                    repo, operations, repo_type="dataset", commit_message="Corrections", parent_commit=parent
                )
            return notices
        except HubError as error:
            tries += 1
            if error.status not in (409, 412) or tries == _TRIES:
                raise
        time.sleep(random.uniform(0.0, 0.1 * 2**tries))


def _what_is_there(repo: str, paths: list[str]) -> tuple[str, set[str]]:
    """The newest commit of the repository, which is made if there is none, and which of the paths it holds."""
    from huggingface_hub.errors import RepositoryNotFoundError

    api = hub_api()
    with hub_errors_in_words(repo):
        try:
            commit = api.dataset_info(repo).sha
        except RepositoryNotFoundError:
            api.create_repo(repo, repo_type="dataset", private=True, exist_ok=True)
            commit = api.dataset_info(repo).sha
        return commit, {file.path for file in api.get_paths_info(repo, paths, revision=commit, repo_type="dataset")}
