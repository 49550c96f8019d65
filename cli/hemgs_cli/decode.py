"""hemgs decode: an .hgs file to a 3DGS .ply."""

from __future__ import annotations

import io
import time

import click

from hemgs_cli import options
from hemgs_cli.files import DASH, check_output, default_output, echo_json, read_bytes, write_output
from hemgs_cli.progress import progress_bar


@click.command()
@options.source_hgs
@options.output
@options.device
@options.threads
@options.force
@options.as_json
def decode(
    source: str, output: str | None, device: str, threads: int | None, force: bool, as_json: bool
) -> None:
    """Restore the 3DGS .ply from an .hgs file.

    The output has the original 3DGS layout, which every viewer reads.

    \b
    Examples:
      hemgs decode scene.hgs
      hemgs decode scene.hgs -o restored.ply
      hemgs decode - -o - < scene.hgs > scene.ply
    """
    output = output or default_output(source, ".ply")
    check_output(output, source=source, force=force)
    data = read_bytes(source)
    start = time.perf_counter()

    import hemgs_codec
    from hemgs_codec.ply import write_ply
    from hemgs_codec.scene import GaussianScene
    from hemgs_format.errors import SceneError

    with progress_bar() as progress:
        scene = hemgs_codec.decode(data, device=device, threads=threads, progress=progress)
    if not isinstance(scene, GaussianScene):
        raise SceneError(f"{source} holds anchors, not Gaussians: they have no 3DGS .ply")
    stream = io.BytesIO()
    write_ply(scene, stream)
    ply = stream.getbuffer()
    write_output(output, lambda target: target.write(ply), force=force)
    seconds = time.perf_counter() - start

    if as_json:
        result = {
            "input": source,
            "output": output,
            "file_bytes": len(data),
            "output_bytes": len(ply),
            "num_gaussians": scene.num_gaussians,
            "seconds": seconds,
        }
        echo_json(result, output=output)
    else:
        name = "standard output" if output == DASH else output
        click.echo(
            f"{name}: {scene.num_gaussians:,} Gaussians, {len(ply):,} bytes, {seconds:.1f} s", err=True
        )
