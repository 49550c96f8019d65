"""Layers side by side: every step comes behind what it needs, and errors are those of one thread."""

from __future__ import annotations

from threading import Lock

import pytest

from hemgs_codec.coding.pipeline import Pipeline


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_steps_come_behind_what_they_need(threads: int) -> None:
    done: list[tuple[int, int]] = []
    lock = Lock()

    def step(layer: int, batch: int) -> None:
        with lock:
            assert batch == 0 or (layer, batch - 1) in done
            assert layer == 0 or (layer - 1, batch) in done
            done.append((layer, batch))

    Pipeline(4, 25, step).run(threads)
    assert sorted(done) == [(layer, batch) for layer in range(4) for batch in range(25)]


@pytest.mark.parametrize("threads", [1, 2, 4])
def test_the_first_layers_error_is_raised(threads: int) -> None:
    """Even where a later layer fails sooner: a single thread would meet the first layer's first."""

    def step(layer: int, batch: int) -> None:
        if (layer, batch) in ((0, 20), (1, 2), (2, 1)):
            raise ValueError(f"{layer}, {batch}")

    with pytest.raises(ValueError, match="0, 20"):
        Pipeline(4, 25, step).run(threads)


@pytest.mark.parametrize("threads", [1, 3])
def test_nothing_goes_on_behind_an_error(threads: int) -> None:
    done: list[tuple[int, int]] = []

    def step(layer: int, batch: int) -> None:
        if (layer, batch) == (1, 2):
            raise ValueError("no")
        done.append((layer, batch))

    with pytest.raises(ValueError, match="no"):
        Pipeline(3, 9, step).run(threads)
    assert [batch for layer, batch in done if layer == 0] == list(range(9))
    assert all(batch < 2 for layer, batch in done if layer > 0)


def test_no_batches_are_done_at_once() -> None:
    Pipeline(3, 0, lambda layer, batch: 1 / 0).run(2)
