"""What hemgs encode says of the file that it wrote."""

from __future__ import annotations

import click

from hemgs_cli.files import DASH, echo_json


def report_written(
    source: str, output: str, data: bytes, count: int, seconds: float, notes: list[str], as_json: bool
) -> None:
    """Say what was written, of how many points."""
    from hemgs_codec.inspect import describe

    description = describe(data)
    unit = "Gaussian" if "num_gaussians" in description else "anchor"
    bits = 8 * len(data) / count
    if as_json:
        result = {
            "input": source,
            "output": output,
            "file_bytes": len(data),
            f"num_{unit.lower()}s": count,
            f"bits_per_{unit.lower()}": bits,
            "num_coded": description["num_coded"],
            "lambda": description["lambda"],
            "seconds": seconds,
            "notes": notes,
        }
        echo_json(result, output=output)
        return
    if unit == "anchor":
        for note in notes:
            click.echo(f"note: {note}", err=True)
    name = "standard output" if output == DASH else output
    click.echo(f"{name}: {len(data):,} bytes, {bits:.1f} bits per {unit}, {seconds:.1f} s", err=True)
