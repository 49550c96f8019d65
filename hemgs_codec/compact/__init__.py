"""Compaction: a scene with fewer Gaussians that looks nearly the same, made before it is coded."""

from __future__ import annotations

from hemgs_codec.compact.compaction import CompactResult, compact, training_views

__all__ = ["CompactResult", "compact", "training_views"]
