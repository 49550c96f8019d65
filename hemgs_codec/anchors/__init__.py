"""Anchor scenes: points that carry features, from which networks make Gaussians anew for every view."""
