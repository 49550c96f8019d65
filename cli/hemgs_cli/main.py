"""The click group, and what an exit code means.

0: done. 1: the data, a file or the machine is at fault. 2: the command line is. 130: interrupted.
Command modules import the codec inside the command, so that `hemgs info` starts without torch.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from hemgs_cli.decode import decode
from hemgs_cli.encode import encode
from hemgs_cli.eval import evaluate
from hemgs_cli.info import info
from hemgs_cli.render import render
from hemgs_cli.train import train
from hemgs_cli.verify import verify
from hemgs_format.errors import HgsError

EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells have it
_MEMORY_SIGNS = (
    "failed to map segment",
    "annot allocate memory",
    "can't allocate memory",
    "can't start new thread",
)
"""What is in messages of the dynamic loader, of torch and of Python when memory runs out."""


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if not wanted or context.resilient_parsing:
        return
    from hemgs_codec.version import __version__

    click.echo(f"hemgs {__version__}")
    context.exit()


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
def cli() -> None:
    """Compress 3D Gaussian Splatting scenes: scene.ply to scene.hgs, and back.

    \b
    Examples:
      hemgs encode scene.ply                 writes scene.hgs
      hemgs decode scene.hgs -o copy.ply     writes copy.ply
      hemgs decode anchors.hgs --as 3dgs     writes anchors.ply, for viewers
      hemgs info scene.hgs                   what takes how many bytes
      hemgs verify scene.hgs                 is every byte as it was written?
      hemgs render scene.hgs --cameras cameras.json -o views
      hemgs eval scene.hgs --reference scene.ply
      hemgs train photos -o run              an anchor scene, for hemgs encode run
    """


for command in (encode, decode, info, verify, render, evaluate, train):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit the process with its code."""
    try:
        code = cli.main(arguments, prog_name="hemgs", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("hemgs: interrupted", err=True)
        sys.exit(EXIT_INTERRUPTED)
    except HgsError as error:
        click.echo(f"hemgs: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        click.echo(f"hemgs: {_describe(error)}", err=True)
        sys.exit(1)
    except (MemoryError, ImportError, RuntimeError) as error:
        if not _lacks_memory(error):
            raise  # a bug
        click.echo("hemgs: out of memory", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _lacks_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError) or any(sign in str(error) for sign in _MEMORY_SIGNS)


def _describe(error: OSError) -> str:
    if error.strerror is None:
        return str(error)
    reason = error.strerror[:1].lower() + error.strerror[1:]
    return reason if error.filename is None else f"{error.filename}: {reason}"


if __name__ == "__main__":
    main()
