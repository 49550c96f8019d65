"""What runs beside the rest."""

from __future__ import annotations

import threading

import numba
import pytest

from hemgs_codec.threads import begin, use_threads


def test_begins_on_another_thread() -> None:
    if numba.config.NUMBA_NUM_THREADS == 1:  # type: ignore[attr-defined]  # set while it loads
        pytest.skip("needs two threads")
    with use_threads(2):
        result = begin(threading.get_ident)
    assert result() != threading.get_ident()
    assert result() == result()


def test_a_single_thread_waits_for_the_question() -> None:
    with use_threads(1):
        result = begin(threading.get_ident)
    assert result() == threading.get_ident()


@pytest.mark.parametrize("threads", [1, 2])
def test_raises_what_the_task_raises(threads: int) -> None:
    def fail() -> None:
        raise ValueError("no")

    with use_threads(threads):
        result = begin(fail)
    with pytest.raises(ValueError, match="no"):
        result()
