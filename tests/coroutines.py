"""Coroutines in tests that are none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

__all__ = ["run_async"]


def run_async(work: Callable[[], Coroutine]) -> Any:
    """What `work` comes to, in a thread of its own: the browser's tests leave an event loop running in theirs."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()
