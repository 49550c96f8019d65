"""Sizes and ratios as people write them."""

from __future__ import annotations

import click
import pytest

from hemgs_cli.sizes import parse_ratio, parse_size

CONTEXT = click.Context(click.Command("encode"))
OPTION = click.Option(["--target-size"])


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4MB", 4_000_000),
        ("1.5 MiB", 1_572_864),
        ("900kB", 900_000),
        ("12345", 12345),
        ("7b", 7),
        (None, None),
    ],
)
def test_sizes_are_read(text: str | None, size: int | None) -> None:
    assert parse_size(CONTEXT, OPTION, text) == size


@pytest.mark.parametrize("text", ["", "MB", "4 parsecs", "-3kB", "1e6"])
def test_other_texts_are_no_sizes(text: str) -> None:
    with pytest.raises(click.BadParameter, match="isn't a size"):
        parse_size(CONTEXT, OPTION, text)


@pytest.mark.parametrize(("text", "ratio"), [("auto", "auto"), ("2", 2.0), ("1.5x", 1.5), (None, None)])
def test_ratios_are_read(text: str | None, ratio: object) -> None:
    assert parse_ratio(CONTEXT, OPTION, text) == ratio


@pytest.mark.parametrize("text", ["", "0.5", "inf", "nan", "half"])
def test_other_texts_are_no_ratios(text: str) -> None:
    with pytest.raises(click.BadParameter, match="isn't auto or a ratio"):
        parse_ratio(CONTEXT, OPTION, text)
