"""Metrics against their definitions, and what they say where something is missing."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import numpy.typing as npt
import pytest

from hemgs_codec.metrics import METRICS, MetricError, bd_psnr, bd_rate, flip, lpips, psnr, ssim
from hemgs_codec.render.eight_bit import eight_bit

Image8 = npt.NDArray[np.uint8]


def noisy(seed: int, size: float = 12.0) -> tuple[Image8, Image8]:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:24, :31]
    plain = 127 + 80 * np.sin(x / 5)[..., None] * np.cos(y[..., None] / 4 + np.arange(3))
    return tuple(
        np.clip(plain + noise, 0, 255).astype(np.uint8) for noise in (0, rng.normal(0, size, plain.shape))
    )


def plain_ssim(a: Image8, b: Image8) -> float:
    """Wang et al. 2004, window by window; images are mirrored at their edges."""
    a, b = (np.pad(z, [(5, 5), (5, 5), (0, 0)], mode="reflect") for z in (a, b))
    line = np.exp(-((np.arange(11) - 5) ** 2) / (2 * 1.5**2))
    window = np.outer(line, line) / line.sum() ** 2
    values = []
    for channel in range(3):
        for top in range(a.shape[0] - 10):
            for left in range(a.shape[1] - 10):
                p, q = (z[top : top + 11, left : left + 11, channel] / 255 for z in (a, b))
                mp, mq = (window * p).sum(), (window * q).sum()
                vp, vq = (window * (p - mp) ** 2).sum(), (window * (q - mq) ** 2).sum()
                cov = (window * (p - mp) * (q - mq)).sum()
                values.append(
                    (2 * mp * mq + 1e-4) * (2 * cov + 9e-4) / ((mp**2 + mq**2 + 1e-4) * (vp + vq + 9e-4))
                )
    return float(np.mean(values))


def test_psnr_is_its_definition() -> None:
    a, b = noisy(1)
    error = np.mean((a.astype(float) / 255 - b.astype(float) / 255) ** 2)
    assert psnr(a, b) == pytest.approx(-10 * np.log10(error))
    assert psnr(a, a) == math.inf


def test_ssim_is_its_definition() -> None:
    a, b = noisy(2)
    assert ssim(a, b) == pytest.approx(plain_ssim(a, b), abs=2e-5)
    assert ssim(a, a) == pytest.approx(1, abs=1e-6)


def test_flip_grows_with_the_difference() -> None:
    a, b = noisy(3, 4.0)
    _, c = noisy(3, 20.0)
    assert flip(a, a) == 0
    assert 0 < flip(a, b) < flip(a, c) < 1


def test_eight_bit_rounds_and_clips() -> None:
    values = np.array([-1, 0.4 / 255, 0.6 / 255, 1, 7], np.float32)
    assert eight_bit(values).tolist() == [0, 0, 1, 255, 255]


@pytest.mark.parametrize("name", METRICS)
def test_images_of_other_sizes_are_refused_with_numbers(name: str) -> None:
    a, _ = noisy(1)
    with pytest.raises(MetricError, match="31 by 24 pixels, the other 30 by 24"):
        METRICS[name](a, a[:, 1:])
    with pytest.raises(MetricError, match="float32"):
        METRICS[name](a.astype(np.float32), a)


def test_ssim_of_tiny_images_is_refused() -> None:
    a, _ = noisy(1)
    with pytest.raises(MetricError, match="at least 11 by 11 pixels, these are 31 by 10"):
        ssim(a[:10], a[:10])


CURVE = [(100.0, 30.0), (200.0, 33.0), (400.0, 35.5), (800.0, 37.5)]


def test_bd_rate_of_half_the_bytes_is_minus_50() -> None:
    half = [(rate / 2, value) for rate, value in reversed(CURVE)]
    assert bd_rate(CURVE, half) == pytest.approx(-50)
    assert bd_rate(half, CURVE) == pytest.approx(100)
    assert bd_rate(CURVE[:2], half[2:]) == pytest.approx(-50)
    better = [(rate, value + 0.7) for rate, value in CURVE]
    assert bd_psnr(CURVE, better) == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("curve", "message"),
    [
        (CURVE[:1], "1 points"),
        ([(1.0, 30.0), (2.0, 29.0)], "must rise"),
        ([(0.0, 30.0), (2.0, 31.0)], "above 0"),
        ([(1.0, 30.0), (2.0, math.inf)], "must rise"),
        ([(1.0, 10.0), (2.0, 12.0)], "no PSNR in common: 30 .. 37.5 and 10 .. 12"),
    ],
)
def test_curves_that_cannot_be_compared_are_refused(curve: list[tuple[float, float]], message: str) -> None:
    with pytest.raises(MetricError, match=message):
        bd_rate(CURVE, curve)


@pytest.mark.parametrize(
    ("module", "call", "says"),
    [
        ("torchmetrics.functional.image", lambda a: ssim(a, a), r"SSIM needs .* torchmetrics .*\[eval\]"),
        ("flip_evaluator", lambda a: flip(a, a), r"FLIP needs .* flip-evaluator .*\[eval\]"),
        ("lpips", lambda a: lpips(a, a), r"LPIPS needs .* lpips .*\[lpips\]"),
        ("bjontegaard", lambda a: bd_rate(CURVE, CURVE), r"BD-rate needs .* bjontegaard .*\[bd\]"),
    ],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    module: str, call: Callable[[Image8], float], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MetricError, match=says):
        call(noisy(1)[0])


def test_a_package_that_breaks_while_it_loads_is_named_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lpips.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "lpips", raising=False)
    with pytest.raises(MetricError, match="torchvision::nms does not exist"):
        lpips(*noisy(1))


def test_missing_weights_are_named_and_not_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setitem(sys.modules, "lpips", ModuleType("lpips"))
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", pytest.fail)
    with pytest.raises(MetricError, match=r"download https.*vgg16.*checkpoints/vgg16"):
        lpips(*noisy(1))
