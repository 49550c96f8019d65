"""Plots as SVG elements that stand in the page: no file, no font, no link from elsewhere."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from benchmarks.plot_anchor import rising
from benchmarks.report_html.rows import OURS, PSNR, Curve, Points

_OUR_COLOURS = ("#0b5fa5", "#3f9bdc", "#12315c", "#7cc4f0", "#00857c", "#6a5acd")
_COLOURS = ("#c2410c", "#7b2d8e", "#2e7d32", "#b8860b", "#ad1457", "#5d4037", "#455a64", "#827717")
_MARKS = ("s", "^", "v", "D", "P", "X", "*", "<")
_SECTION_COLOURS = (
    *("#12315c", "#0b5fa5", "#3f9bdc", "#9fd0f2", "#00857c", "#6cc5bd", "#b8860b", "#e3c168"),
    *("#c2410c", "#f0976a", "#7b2d8e", "#c08bcf", "#7a7a7a", "#bdbdbd"),
)
_QUALITIES = {PSNR: "the original's renders", "psnr_photo_decoded": "photos"}
_STYLE: Any = {
    "svg.fonttype": "none",  # letters stay letters: smaller, and they can be searched
    "svg.hashsalt": "hemgs",  # the same bytes every time
    "font.family": "sans-serif",
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
}


def rate_plot(curves: Sequence[Curve]) -> str:
    """Draw dB over bytes, one line a curve and a panel a quality; empty where no curve has a figure.

    Lines leave out files that a smaller one of the curve beats: those are fainter marks.
    """
    qualities = [key for key in _QUALITIES if any(curve.points(key) for curve in curves)]
    if not qualities:
        return ""
    styles = _styles(curves)
    with _figure(4.3 * len(qualities) + 2.6, 3.9, len(qualities)) as (figure, panels):
        for panel, quality in zip(panels, qualities, strict=True):
            drawn = [(curve, curve.points(quality)) for curve in curves if curve.points(quality)]
            for curve, points in drawn:
                style = styles[curve.name]
                # One point has no line: it is drawn larger.
                size = 5 if len(points) > 1 else 8
                panel.plot(*_in_kilobytes(rising(points)), ms=size, label=curve.name, **style)
                beaten = [point for point in points if point not in rising(points)]
                if beaten:
                    panel.plot(*_in_kilobytes(beaten), ms=4, alpha=0.45, **{**style, "lw": 0})
            panel.set_xscale("log")
            _plain_ticks(panel, [size / 1e3 for _, points in drawn for size, _ in points])
            panel.set_xlabel("file, kB (10³ bytes, log scale)")
            panel.set_ylabel(f"PSNR against {_QUALITIES[quality]}, dB")
            panel.grid(visible=True, alpha=0.25)
        _legend(figure, panels[-1], panels[0])
        return _svg(figure)


def _in_kilobytes(points: Points) -> tuple[list[float], list[float]]:
    return [size / 1e3 for size, _ in points], [value for _, value in points]


def _styles(curves: Sequence[Curve]) -> dict[str, dict[str, Any]]:
    """Return how each curve is drawn: ours in blues with dots, each peer with its own mark."""
    styles: dict[str, dict[str, Any]] = {}
    for curve in curves:
        is_ours = curve.codec == OURS
        colours = _OUR_COLOURS if is_ours else _COLOURS
        place = sum((style["marker"] == "o") == is_ours for style in styles.values())
        mark = "o" if is_ours else _MARKS[place % len(_MARKS)]
        styles[curve.name] = {
            "color": colours[place % len(colours)],
            "marker": mark,
            "lw": 2.0 if is_ours else 1.3,
        }
    return styles


def section_bars(bars: Sequence[tuple[str, dict[str, float]]]) -> str:
    """Draw stacked bars of bits per Gaussian, one a scene; sections in the file's order."""
    if not bars:
        return ""
    names = list(dict.fromkeys(name for _, sections in bars for name in sections))
    with _figure(9.4, max(3.4, 1.2 + 0.42 * len(bars)), 1) as (figure, (panel,)):
        whole = max(sum(sections.values()) for _, sections in bars)
        for place, (_, sections) in enumerate(bars):
            left = 0.0
            for number, name in enumerate(names):
                width = sections.get(name, 0.0)
                label = name if place == 0 else None
                colour = _SECTION_COLOURS[number % len(_SECTION_COLOURS)]
                panel.barh(place, width, left=left, color=colour, label=label, edgecolor="white", lw=0.5)
                if width > 0.035 * whole:
                    panel.text(
                        left + width / 2,
                        place,
                        f"{width:.1f}",
                        ha="center",
                        va="center",
                        color=_on(colour),
                        fontsize=8,
                    )
                left += width
        panel.set_yticks(range(len(bars)), [name for name, _ in bars])
        panel.invert_yaxis()
        panel.set_xlabel("bits per Gaussian of the input")
        _legend(figure, panel, panel)
        return _svg(figure)


def _on(colour: str) -> str:
    """Return black or white, whichever is read better on a colour."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"


def _plain_ticks(panel: Any, values: list[float]) -> None:
    """Label a log axis with plain numbers, as few as fit: 1, 2, 5 of each decade within the data."""
    from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator, StrMethodFormatter

    low, high = min(values) / 1.15, max(values) * 1.15
    if high / low < 1.8:
        low, high = low / 1.3, high * 1.3
    steps = (1, 2, 5) if high / low > 6 else (1, 1.5, 2, 3, 4, 5, 6, 8)
    ticks = [s * 10**power for power in range(-3, 9) for s in steps if low <= s * 10**power <= high]
    panel.set_xlim(low, high)
    panel.xaxis.set_major_locator(FixedLocator(ticks))
    panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.6g}"))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_minor_formatter(NullFormatter())


def _legend(figure: Any, panel: Any, labelled: Any) -> None:
    """Put the legend of what ``labelled`` shows beside the last panel, where it can't cover a curve."""
    handles, labels = labelled.get_legend_handles_labels()
    panel.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9)
    figure.tight_layout()


@contextmanager
def _figure(width: float, height: float, panels: int) -> Iterator[tuple[Any, list[Any]]]:
    """Make a figure of some panels in a row in the page's style, closed afterwards."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    with mpl.rc_context(_STYLE):
        figure, grid = plt.subplots(1, panels, figsize=(width, height), squeeze=False)
        try:
            yield figure, list(grid[0])
        finally:
            plt.close(figure)


def _svg(figure: Any) -> str:
    """Return a figure as an SVG element without metadata and namespaces, which HTML doesn't want."""
    stream = io.StringIO()
    figure.savefig(stream, format="svg", bbox_inches="tight")
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text)
    # The page may make it narrower, never wider than it was drawn.
    return re.sub(
        r'width="([\d.]+)pt" height="[\d.]+pt"', r'style="width:100%;max-width:\1pt"', text, count=1
    )
