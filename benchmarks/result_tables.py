"""Which figures of each file of results a table shows."""

from __future__ import annotations

from dataclasses import dataclass

from hemgs_codec.profile_names import GAUSSIAN_GROUPS


@dataclass(frozen=True)
class Table:
    """How one file of results is shown.

    Attributes
    ----------
    keys : tuple of str
        Columns that say which case a row is: a later row replaces an earlier one of the same case.
    columns : tuple of str
        Figures; ``a.b`` is entry b of the object a.
    """

    keys: tuple[str, ...]
    columns: tuple[str, ...]


_SECTIONS = ("locations", "networks", "hash grid", *GAUSSIAN_GROUPS)
_SECTION_COLUMNS = tuple(f"section_bits_per_gaussian.{name}" for name in _SECTIONS)
TABLES = {
    "compact": Table(
        ("scene", "method", "target", "views"),
        (
            "gaussians_left",
            "ratio",
            "unseen",
            "pruned",
            "merged",
            "psnr_change",
            "psnr_vs_original",
            "training_psnr_vs_original",
            "compact_s",
        ),
    ),
    "location": Table(
        ("scene", "bits_per_axis"),
        ("bits_per_point", "draco_bits_per_point", "saving_percent", "encode_s", "decode_s"),
    ),
    "scenes": Table(
        ("scene", "lambda"),
        (
            "num_gaussians",
            "original_bytes",
            "file_bytes",
            "ratio",
            "bits_per_gaussian",
            *_SECTION_COLUMNS,
            "fit_s",
            "encode_s",
            "decode_s",
            "fit_peak_rss_mb",
            "decode_peak_rss_mb",
            "verified",
        ),
    ),
    "model": Table(
        ("scene", "crop", "lambda", "model"),
        (
            "symbol_bits_per_gaussian",
            "side_bits_per_gaussian",
            "bits_per_gaussian",
            "saving_percent",
            "cost_bits_per_gaussian",
            "fit_s",
        ),
    ),
    "order": Table(
        ("scene", "lambda", "order"),
        ("file_bytes", "bits_per_gaussian", "num_batches", "fit_s", "encode_s", "decode_s"),
    ),
    "scale": Table(
        ("num_gaussians",),
        (
            "bits_per_gaussian",
            "encode_with_fit_s",
            "encode_again_s",
            "decode_s",
            "encode_with_fit_peak_rss_mb",
            "encode_again_peak_rss_mb",
            "decode_peak_rss_mb",
            "verified",
        ),
    ),
    "rd": Table(
        ("scene", "weights", "compact", "refine", "lambda"),
        (
            "file_bytes",
            "bits_per_gaussian",
            "psnr_vs_original",
            "psnr_photo_original",
            "psnr_photo_decoded",
            "ssim_vs_original",
            "encode_s",
            "decode_s",
        ),
    ),
    "refine": Table(
        ("scene", "lambda", "steps"),
        ("file_bytes", "psnr_vs_original", "psnr_photo_original", "psnr_photo_decoded", "seconds"),
    ),
    "render": Table(
        ("scene", "width", "height"),
        (
            "intersections",
            "million_evaluations_per_s",
            "project_least_ms",
            "colours_least_ms",
            "tiles_least_ms",
            "raster_least_ms",
            "loss_least_ms",
            "raster_cpu_ms",
            "raster_back_least_ms",
            "raster_back_cpu_ms",
            "project_back_least_ms",
            "colours_back_least_ms",
            "step_least_ms",
            "step_cpu_ms",
            "sensitivities_least_ms",
        ),
    ),
    "anchor": Table(
        ("scene", "run", "lambda"),
        (
            "file_bytes",
            "accounted_bytes",
            "psnr",
            "ssim",
            "max_difference",
            "num_coded",
            "mean_context",
            "max_context",
            "encode_s",
            "decode_s",
            "train_s",
        ),
    ),
    "hostile": Table(
        ("reader", "attack"),
        ("cases", "refused", "same", "other_valid", "anything_else", "slowest_s", "peak_mb"),
    ),
    "machines": Table(
        ("kind", "decoder", "arithmetic", "threads", "numpy"),
        ("processor", "python", "numba", "torch", "files", "decoded", "control", "seconds"),
    ),
    "torch": Table(
        ("encoded_by", "decoded_by", "arithmetic"), ("num_gaussians", "file_bytes", "file", "decoded")
    ),
    "progressive": Table(("scene", "effort"), ("file_bytes", "num_views", "largest_fall", "made_up_views")),
    "prior": Table(
        ("scene", "prior_file", "effort"),
        ("file_bytes", "network_bytes", "psnr", "equal_bytes", "saved", "fit_s", "code_s", "seen"),
    ),
    "adaptation": Table(
        ("scene", "effort", "variant"),
        ("file_bytes", "psnr", "equal_bytes", "worth"),
    ),
    "effort": Table(
        ("scene", "effort"),
        (
            "file_bytes",
            "encode_s",
            "encode_peak_rss_mb",
            "measured_verified_s",
            "measured_verified_peak_rss_mb",
            "decode_s",
            "decode_peak_rss_mb",
        ),
    ),
    "compare": Table(
        ("scene", "codec", "setting"),
        (
            "file_bytes",
            "bits_per_gaussian",
            "psnr_vs_original",
            "ssim_vs_original",
            "flip_vs_original",
            "encode_s",
            "decode_s",
            "encode_peak_rss_mb",
            "decode_peak_rss_mb",
        ),
    ),
    "scaling": Table(
        ("num_gaussians", "effort"),
        (
            *("encode_s", "encode_cpu_s", "encode_peak_rss_mb"),
            *("decode_s", "decode_cpu_s", "decode_peak_rss_mb"),
        ),
    ),
    "micro": Table(("benchmark",), ("median_s", "items_per_s", "unit")),
    "pretrain": Table(
        ("fold", "points", "hidden"),
        ("iterations", "loss", "file_bytes"),
    ),
    "train": Table(
        ("scene", "num_anchors", "phase"),
        ("threads", "seconds_per_iteration", "cpu_seconds_per_iteration"),
    ),
    "info": Table(("scene",), ("file_bytes", "median_s", "most_s", "peak_rss_mb")),
}
