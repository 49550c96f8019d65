"""Fitting the entropy model to a scene: floats in, frozen integers out."""
