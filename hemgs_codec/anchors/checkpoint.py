"""Networks in one file of state dicts: ``checkpoints.pth`` of Scaffold-GS, ``checkpoint.pth`` of HAC.

Read by torch's restricted unpickler, which makes tensors and plain containers and nothing else.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import torch

from hemgs_codec.anchors.networks import HEADS, RenderingNetworks
from hemgs_codec.anchors.states import NETWORK_NAMES, State, states_of
from hemgs_format.errors import SceneError

CHECKPOINT_NAMES = ("checkpoints.pth", "checkpoint.pth")
"""File names, the first is the one to write."""
# HAC's name of the feature bank.
_OTHER_NAMES = {"bank": "mlp_feature_bank"}


def read_checkpoint(path: Path) -> dict[str, State]:
    """Read the state dicts of the rendering networks, by network; whatever else the file holds is left out.

    Raises
    ------
    SceneError
        If the file is damaged, holds anything but tensors and plain containers, or lacks a network.
    OSError
        If it can't be read.
    """
    content = _load(path)
    if not isinstance(content, Mapping):
        raise SceneError(f"{path} holds a {type(content).__name__}, expected state dicts by network")
    states: dict[str, State] = {}
    for network, name in NETWORK_NAMES.items():
        state = content.get(name, content.get(_OTHER_NAMES.get(network)))
        if state is None and network not in HEADS:
            continue
        if not isinstance(state, Mapping):
            held = ", ".join(str(key) for key in list(content)[:12]) or "nothing"
            raise SceneError(f"{path} has no state dict {name}, it holds {held}")
        states[network] = state
    return states


def write_checkpoint(networks: RenderingNetworks, path: Path) -> None:
    """Write the networks as Scaffold-GS does in its mode 'unite'."""
    states = {NETWORK_NAMES[network]: state for network, state in states_of(networks).items()}
    with path.open("wb") as stream:
        torch.save(states, stream)


def _load(path: Path) -> object:
    raw = path.read_bytes()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other kinds of file, which end in an error below
            content: object = torch.load(io.BytesIO(raw), map_location="cpu", weights_only=True)
    # Bytes that aren't a pickle of tensors can end in any exception of torch's unpickler.
    except Exception as error:
        raise SceneError(f"{path} is no file of state dicts: {_reason(error)}") from error
    return content


def _reason(error: Exception) -> str:
    """Say why in one line; without torch's advice, which is to load the file unrestricted."""
    text = str(error)
    refused = re.search(r"nsupported (?:global: )?GLOBAL ([\w.]+)", text)
    if refused is not None:
        return f"it holds a {refused[1]}, which could run code; expected tensors in plain dicts"
    if "TorchScript" in text:
        return "it is a TorchScript archive"
    unpickler = re.search(r"WeightsUnpickler error:\s*([^\n]+)", text)
    line = unpickler[1] if unpickler is not None else text.partition("\n")[0]
    return line.partition(". ")[0].strip()[:200] or type(error).__name__
