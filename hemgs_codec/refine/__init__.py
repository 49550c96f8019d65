"""Refinement: move a scene's values to where they look right and cost little (SPEC "Encoder notes")."""

from __future__ import annotations

from hemgs_codec.refine.refine import refine
from hemgs_codec.refine.targets import Targets

__all__ = ["Targets", "refine"]
