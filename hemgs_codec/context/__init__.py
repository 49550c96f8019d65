"""Coding order, context selection and batches: which decoded anchors each anchor may look at."""
