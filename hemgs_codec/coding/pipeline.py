"""Layers side by side: each goes on, batch by batch, as far as the one before it has come.

A layer's batch needs the same batch of the layer before, and its own last one. So while one core is at a
batch, others are at earlier batches of later layers. Which of them does what decides nothing that is coded.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, Thread


class Pipeline:
    """Call ``step(layer, batch)`` for all batches of all layers, on as many threads as there is work for.

    Parameters
    ----------
    step
        It should spend its time where it leaves the interpreter to others.
    """

    def __init__(self, layers: int, batches: int, step: Callable[[int, int], object]) -> None:
        self._batches, self._step = batches, step
        self._done = [0] * layers
        self._is_busy = [False] * layers
        self._errors: dict[int, BaseException] = {}
        self._changed = Condition()

    def run(self, threads: int) -> None:
        """Run to the end, or until nothing is left to do before a step that failed: raise its error then.

        Of several errors it's that of the first layer, the one that a single thread would meet.
        """
        helpers = [Thread(target=self._work) for _ in range(min(threads, len(self._done)) - 1)]
        for helper in helpers:
            helper.start()
        try:
            self._work()
        except BaseException:  # it was interrupted
            with self._changed:
                self._errors[-1] = KeyboardInterrupt()
                self._changed.notify_all()
            raise
        finally:
            for helper in helpers:
                helper.join()
        if self._errors:
            raise self._errors[min(self._errors)]

    def _work(self) -> None:
        while (layer := self._take()) is not None:
            error: BaseException | None = None
            try:
                self._step(layer, self._done[layer])
            except BaseException as raised:  # noqa: BLE001  raised again by `run`
                error = raised
            with self._changed:
                self._is_busy[layer] = False
                if error is None:
                    self._done[layer] += 1
                else:
                    self._errors[layer] = error
                self._changed.notify_all()

    def _take(self) -> int | None:
        """Wait for a layer that can go on, and take it; of several the first. None: it's over."""
        with self._changed:
            while True:
                open_layers = range(min(self._errors, default=len(self._done)))
                if all(self._done[layer] == self._batches for layer in open_layers):
                    return None
                for layer in open_layers:
                    limit = self._done[layer - 1] if layer else self._batches
                    if not self._is_busy[layer] and self._done[layer] < limit:
                        self._is_busy[layer] = True
                        return layer
                self._changed.wait()
