"""Networks in a TorchScript file each: mode 'split' of Scaffold-GS.

TorchScript is a program: loading one runs it. So they are read only where somebody vouches for them.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

from hemgs_codec.anchors.networks import HEADS, RenderingNetworks
from hemgs_codec.anchors.states import NETWORK_NAMES, State, states_of
from hemgs_format.errors import SceneError

SCRIPT_NAMES = {network: f"{name}.pt" for network, name in NETWORK_NAMES.items()}


def has_scripts(folder: Path) -> bool:
    """Whether a directory holds any of the files."""
    return any((folder / name).exists() for name in SCRIPT_NAMES.values())


def read_scripts(folder: Path, *, trust: bool) -> dict[str, State]:
    """Read the state dicts of the rendering networks, by network.

    Raises
    ------
    SceneError
        If `trust` isn't set, a file is missing, or it is no TorchScript.
    """
    if not trust:
        raise SceneError(
            f"the networks in {folder} are TorchScript files (*_mlp.pt), and loading those runs code that is "
            "in them; pass --trust (trust=True) if they come from somebody whom you trust"
        )
    states: dict[str, State] = {}
    for network, name in SCRIPT_NAMES.items():
        path = folder / name
        if path.is_file():
            states[network] = _load(path)
        elif network in HEADS:
            raise SceneError(f"{folder} has no {name}; expected one file for each of the networks")
    return states


def write_scripts(networks: RenderingNetworks, folder: Path) -> None:
    """Write traces of the networks, with their activations, as Scaffold-GS does in its mode 'split'."""
    ends: dict[str, nn.Module | None] = {
        "opacity": nn.Tanh(),
        "covariance": None,
        "colour": nn.Sigmoid(),
        "bank": nn.Softmax(dim=1),
    }
    for network, state in states_of(networks).items():
        (width, fan_in), (fan_out, _) = state["0.weight"].shape, state["2.weight"].shape
        # Without memory at first: initial weights would cost draws of the caller's random numbers.
        hidden, out = nn.Linear(fan_in, width, device="meta"), nn.Linear(width, fan_out, device="meta")
        end = ends[network]
        module = nn.Sequential(hidden, nn.ReLU(), out, *([] if end is None else [end]))
        module.load_state_dict(state, assign=True)
        with _deprecated():
            traced = torch.jit.trace(module.eval(), torch.zeros(1, fan_in))  # type: ignore[no-untyped-call]
            torch.jit.save(traced, str(folder / SCRIPT_NAMES[network]))


def _load(path: Path) -> State:
    try:
        with _deprecated():
            module = torch.jit.load(str(path), map_location="cpu")  # type: ignore[no-untyped-call]
        state: State = module.state_dict()
    except (RuntimeError, ValueError) as error:
        line = str(error).strip().partition("\n")[0][:200]
        raise SceneError(f"{path} is no TorchScript file: {line}") from error
    return state


@contextmanager
def _deprecated() -> Iterator[None]:
    """Silence torch's notice that TorchScript is deprecated: such files exist, and viewers want them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield
