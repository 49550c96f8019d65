"""One place to say how many CPU threads are used."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from importlib import import_module
from typing import TypeVar

import numba

_T = TypeVar("_T")
_asked: ContextVar[int | None] = ContextVar("asked", default=None)
"""What the innermost open block asks for."""


@contextlib.contextmanager
def use_threads(threads: int | None) -> Iterator[int]:
    """Use this many threads (None: the machine's cores) in torch and numba inside the block; yield it.

    It doesn't import torch, which takes seconds and isn't needed for decoding: see `settle_torch`.
    """
    cores = len(os.sched_getaffinity(0))
    wanted = threads if threads is not None else cores
    before_torch, before_numba = _asked.get() or _of_torch() or cores, numba.get_num_threads()
    token = _asked.set(wanted)
    if _of_torch():
        settle_torch()
    numba.set_num_threads(min(wanted, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]  # set while it loads
    try:
        yield wanted
    finally:
        _asked.reset(token)
        if _of_torch():
            sys.modules["torch"].set_num_threads(before_torch)
        numba.set_num_threads(before_numba)


def settle_torch() -> None:
    """Tell torch how many threads to use: who may be the first to import it calls this before computing.

    Matrix products of another number differ in their last bits, and so do fits. Variables that torch reads
    while it's imported come too late, once numba has started the same threads.
    """
    torch = import_module("torch")
    torch.set_num_threads(_asked.get() or torch.get_num_threads())


def _of_torch() -> int | None:
    """Return how many threads torch uses, None if it isn't there."""
    torch = sys.modules.get("torch")
    return None if torch is None else int(torch.get_num_threads())


MANY = 1 << 14
"""Points from which on another thread is worth its start, which may never end where memory is short."""


def threads_for(count: int) -> int:
    """Return how many threads so many points are worth, of those that may be used."""
    return numba.get_num_threads() if count >= MANY else 1


def together(work: Callable[[], object], count: int = MANY) -> None:
    """Call the same on as many threads as ``count`` points are worth, and return when all are done.

    It's a compiled loop that takes its tasks by `compiled.take_number`. Of errors one is raised.
    """
    others = threads_for(count) - 1
    if not others:
        work()
        return
    with ThreadPoolExecutor(others) as pool:
        results = [pool.submit(work) for _ in range(others)]
        work()
    for result in results:
        result.result()


def of_each(work: Callable[[slice], _T], count: int, size: int) -> list[_T]:
    """Return what work makes of each of the parts of ``count`` things, ``size`` at a time, on all threads."""
    parts = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    threads = min(threads_for(count), len(parts))
    if threads < 2:
        return [work(part) for part in parts]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(work, parts))


def begin(task: Callable[[], _T], count: int = MANY) -> Callable[[], _T]:
    """Begin a task on another core and return what waits for its result, and raises what it raised.

    It should spend its time in compiled loops that use one core and leave the interpreter to others, and none
    of `numba.prange`. Where only one thread may be used, or ``count`` points are too few to be worth another,
    nothing begins before the result is asked for.
    """
    if threads_for(count) == 1:
        return task

    def alone() -> _T:
        numba.set_num_threads(1)
        return task()

    pool = ThreadPoolExecutor(1)
    result = pool.submit(alone).result
    pool.shutdown(wait=False)
    return result
