"""Trust a device, then probe it: whether its float64 matrix product is exact on integers."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch


@cache
def is_exact(device: str) -> bool:
    """Multiply integer matrices at the widest budget and compare with int64 products; False if any is off."""
    rng = np.random.default_rng(7)
    a = rng.integers(-(2**14), 2**14, (64, 257))
    b = rng.integers(-(2**29), 2**29, (257, 24))
    a[:, -1] = 1
    b[-1] = 2**52 - 1 - np.abs(a[:, :-1]).sum(1).max()
    expected = a @ b
    left = torch.from_numpy(a.astype(np.float64)).to(device)
    right = torch.from_numpy(b.astype(np.float64)).to(device)
    found = (left @ right).cpu().numpy()
    return bool((found == expected).all())
