"""Baking: an anchor scene as the plain Gaussians that every viewer shows."""

from __future__ import annotations

from hemgs_codec.bake.baking import STEPS, Baked, bake

__all__ = ["STEPS", "Baked", "bake"]
