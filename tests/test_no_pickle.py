"""Nothing that reads a file unpickles: no bytes given to this project can name a function to call."""

from __future__ import annotations

import ast
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hemgs_codec.anchors.checkpoint import read_checkpoint
from hemgs_format.errors import SceneError
from tests.small import ROOT

FOLDERS = ("format/hemgs_format", "hemgs_codec", "cli/hemgs_cli", "format/reference")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
UNPICKLERS = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
TRUSTED = {"hemgs_codec/anchors/torchscript.py"}
"""torch.jit.load, where the user vouches for the file (--trust)."""


def calls(tree: ast.AST) -> list[tuple[str, dict[str, object]]]:
    """Return the names of all calls as they are spelt, with their constant keyword arguments."""
    return [
        (
            ast.unparse(node.func),
            {k.arg: k.value.value for k in node.keywords if k.arg and isinstance(k.value, ast.Constant)},
        )
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def test_every_load_is_restricted_to_data() -> None:
    for path in FILES:
        name = path.relative_to(ROOT).as_posix()
        for function, options in calls(ast.parse(path.read_text(encoding="utf-8"))):
            where = f"{name}: {function}"
            if function == "torch.load":
                assert options.get("weights_only") is True, where
            if function in ("np.load", "numpy.load"):
                assert options.get("allow_pickle") is False, where
            assert function != "torch.jit.load" or name in TRUSTED, where
            assert function.partition(".")[0] not in UNPICKLERS, where
            assert function not in ("eval", "exec"), where


READING = """
import runpy, sys
from pathlib import Path

def refuse(event, arguments):
    if event == "pickle.find_class":
        raise SystemExit(f"unpickles {arguments}")

sys.addaudithook(refuse)
from hemgs_codec.inspect import describe
describe(Path(sys.argv[1]).read_bytes())
runpy.run_path(sys.argv[2])["decode"](Path(sys.argv[1]).read_bytes())
"""


def test_reading_a_file_unpickles_nothing() -> None:
    """The decoder itself can't be watched so: numba keeps its compiled loops as pickles of its own."""
    data = ROOT / "format" / "vectors" / "valid" / "worked-example.hgs"
    reference = ROOT / "format" / "reference" / "hgs_decode.py"
    done = subprocess.run(
        [sys.executable, "-c", READING, str(data), str(reference)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


class Call:
    """What an attacker pickles: loading it calls a function."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("write", [lambda value, path: path.write_bytes(pickle.dumps(value)), torch.save])
def test_a_checkpoint_that_names_a_function_is_refused_unrun(write: object, tmp_path: Path) -> None:
    path, touched = tmp_path / "checkpoint.pth", tmp_path / "touched"
    assert callable(write)
    write({"opacity_mlp": Call(touched)}, path)
    with pytest.raises(SceneError):
        read_checkpoint(path)
    assert not touched.exists()
