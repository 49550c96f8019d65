"""Which machine renders: the CPU, or a GPU by way of gsplat."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Literal

from hemgs_format.errors import SceneError

Backend = Literal["auto", "cpu", "cuda"]


def choose_backend(backend: Backend) -> Literal["cpu", "cuda"]:
    """Return the backend to use; "auto" is CUDA where torch has a GPU and gsplat is installed, else the CPU.

    Raises
    ------
    SceneError
        CUDA was asked for and isn't there, or there is no such backend.
    """
    if backend == "cpu":
        return "cpu"
    if backend not in ("auto", "cuda"):
        raise SceneError(f'backend {backend!r} is unknown, expected "auto", "cpu" or "cuda"')
    missing = _what_cuda_lacks()
    if missing is None:
        return "cuda"
    if backend == "cuda":
        raise SceneError(f'backend "cuda" can\'t be used: {missing}; use "cpu" or "auto"')
    return "cpu"


def _what_cuda_lacks() -> str | None:
    if find_spec("gsplat") is None:  # asked first: torch takes a second to load
        return "gsplat isn't installed (pip install hemgs-codec[cuda])"
    import torch

    if not torch.cuda.is_available():
        return "torch finds no CUDA device"
    try:
        import gsplat  # noqa: F401  it builds its kernels on first use, and that can fail
    except (ImportError, OSError, RuntimeError) as error:
        return f"gsplat doesn't load ({error})"
    return None
