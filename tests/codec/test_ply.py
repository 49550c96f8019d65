from __future__ import annotations

import io
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from plyfile import PlyData, PlyElement

from hemgs_codec.ply import OPACITY_LOGIT_LIMIT, read_ply, read_ply_with_report, write_ply
from hemgs_codec.scene import GaussianScene
from hemgs_format.errors import SceneError
from tests.strategies import random_scene, scenes

EXAMPLE = Path(__file__).parents[2] / "examples" / "chair.ply"
RAW = Path(__file__).parents[3] / "shared" / "data" / "splats" / "raw"
RAW_FILES = sorted(RAW.glob("**/*.ply"))
FIELDS = ("means", "log_scales", "quats", "opacity_logits", "sh0", "shN")

Rows = npt.NDArray[np.void]


def written(scene: GaussianScene) -> bytes:
    stream = io.BytesIO()
    write_ply(scene, stream)
    return stream.getvalue()


def rows_of(scene: GaussianScene) -> Rows:
    rows: Rows = PlyData.read(io.BytesIO(written(scene)))["vertex"].data
    return rows


def ply(
    rows: Rows, *, text: bool = False, byte_order: str = "<", others: tuple[PlyElement, ...] = ()
) -> bytes:
    stream = io.BytesIO()
    elements = [PlyElement.describe(rows, "vertex"), *others]
    PlyData(elements, text=text, byte_order=byte_order).write(stream)
    return stream.getvalue()


def with_dtypes(rows: Rows, names: list[str], dtype: Callable[[str], str] = lambda name: "f4") -> Rows:
    """Return the named properties only, in that order, cast."""
    cast = np.empty(len(rows), dtype=[(name, dtype(name)) for name in names])
    for name in names:
        cast[name] = rows[name] if name in (rows.dtype.names or ()) else 7
    return cast


def names_of(rows: Rows) -> list[str]:
    return list(rows.dtype.names or ())


def assert_same(a: GaussianScene, b: GaussianScene) -> None:
    for name in FIELDS:
        left, right = getattr(a, name), getattr(b, name)
        assert left.shape == right.shape
        assert left.tobytes() == right.tobytes(), name


@given(scenes())
def test_round_trip_keeps_every_bit(scene: GaussianScene) -> None:
    assert_same(read_ply(io.BytesIO(written(scene))), scene)


def test_the_bundled_scene_is_written_back_byte_for_byte() -> None:
    assert written(read_ply(EXAMPLE)) == EXAMPLE.read_bytes()


@pytest.mark.skipif(not RAW_FILES, reason="needs the shared scenes beside the repository")
@pytest.mark.parametrize("path", RAW_FILES, ids=lambda path: str(path.relative_to(RAW)))
def test_real_scenes_survive_bit_for_bit(path: Path, tmp_path: Path) -> None:
    scene, report = read_ply_with_report(path)
    assert report.notes() == []
    write_ply(scene, tmp_path / "copy.ply")
    assert_same(read_ply(tmp_path / "copy.ply"), scene)
    original = PlyData.read(path)["vertex"]
    again = PlyData.read(tmp_path / "copy.ply")["vertex"]
    for prop in original.properties:
        np.testing.assert_array_equal(original[prop.name], again[prop.name])


def test_output_has_the_original_3dgs_layout() -> None:
    scene = random_scene(2, sh_degree=1)
    header, body = written(scene).split(b"end_header\n")
    expected = (
        ["x", "y", "z", "nx", "ny", "nz", "f_dc_0", "f_dc_1", "f_dc_2"]
        + [f"f_rest_{i}" for i in range(9)]
        + ["opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    )
    assert header.decode().splitlines() == [
        "ply",
        "format binary_little_endian 1.0",
        "element vertex 2",
        *(f"property float {name}" for name in expected),
    ]
    row = dict(zip(expected, np.frombuffer(body, "<f4").reshape(2, -1)[1], strict=True))
    assert [row["nx"], row["ny"], row["nz"]] == [0, 0, 0]
    # Channel-major: all of red, then green, then blue.
    assert [row[f"f_rest_{i}"] for i in range(9)] == scene.shN[1].T.ravel().tolist()
    assert [row[f"rot_{i}"] for i in range(4)] == scene.quats[1].tolist()


@pytest.mark.parametrize("byte_order", ["<", ">"])
@pytest.mark.parametrize("degree", [0, 1, 2, 3])
def test_binary_of_either_byte_order_in_any_property_order_is_read(byte_order: str, degree: int) -> None:
    scene = random_scene(7, sh_degree=degree)
    rows = rows_of(scene)
    order = sorted(names_of(rows), key=lambda name: name[::-1])
    assert_same(read_ply(io.BytesIO(ply(with_dtypes(rows, order), byte_order=byte_order))), scene)


def test_rows_that_are_laid_out_as_wanted_are_read_too() -> None:
    scene = random_scene(3, sh_degree=0)
    scene.opacity_logits[1] = np.inf
    order = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"]
    order += ["scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    read = read_ply(io.BytesIO(ply(with_dtypes(rows_of(scene), order))))
    np.testing.assert_array_equal(read.means, scene.means)


@pytest.mark.parametrize("newline", [b"\n", b"\r\n", b"\r"])
def test_ascii_is_read_with_any_line_end(newline: bytes) -> None:
    scene = random_scene(3)
    raw = ply(rows_of(scene), text=True).replace(b"\r\n", b"\n").replace(b"\n", newline)
    assert_same(read_ply(io.BytesIO(raw)), scene)
    assert_same(read_ply(io.BytesIO(raw.rstrip())), scene)


def test_normals_may_be_absent() -> None:
    scene = random_scene(3)
    names = [name for name in names_of(rows_of(scene)) if name not in ("nx", "ny", "nz")]
    read, report = read_ply_with_report(io.BytesIO(ply(with_dtypes(rows_of(scene), names))))
    assert_same(read, scene)
    assert not report.has_normals
    assert read_ply_with_report(io.BytesIO(written(scene)))[1].has_normals


@pytest.mark.parametrize("text", [False, True])
def test_unknown_properties_and_elements_are_dropped_and_reported(text: bool) -> None:
    scene = random_scene(3)
    rows = with_dtypes(
        rows_of(scene), ["label", *names_of(rows_of(scene)), "red"], lambda n: "u1" if n == "red" else "f4"
    )
    faces = np.empty(2, dtype=[("vertex_indices", "O")])
    faces["vertex_indices"] = [np.array([0, 1, 2], "i4"), np.array([2, 1, 0], "i4")]
    raw = ply(rows, text=text, others=(PlyElement.describe(faces, "face"),))
    read, report = read_ply_with_report(io.BytesIO(raw))
    assert_same(read, scene)
    assert report.dropped_properties == ("label", "red")
    assert report.dropped_elements == ("face",)
    assert report.notes() == ["dropped unknown properties: label, red", "dropped elements: face"]


@pytest.mark.parametrize("text", [False, True])
def test_elements_before_the_vertices_are_skipped(text: bool) -> None:
    scene = random_scene(3)
    camera = PlyElement.describe(np.zeros(2, dtype=[("fov", "f8"), ("id", "u1")]), "camera")
    elements = [camera, PlyElement.describe(rows_of(scene), "vertex")]
    stream = io.BytesIO()
    PlyData(elements, text=text, byte_order="<").write(stream)
    assert_same(read_ply(io.BytesIO(stream.getvalue())), scene)


def test_doubles_are_rounded_to_float32_and_reported() -> None:
    scene = random_scene(3, sh_degree=0)
    rows = with_dtypes(rows_of(scene), names_of(rows_of(scene)), lambda name: "f8" if name == "x" else "f4")
    rows["x"] += 1e-12
    read, report = read_ply_with_report(io.BytesIO(ply(rows)))
    np.testing.assert_array_equal(read.means[:, 0], rows["x"].astype(np.float32))
    assert report.converted_properties == ("x",)
    rows["x"][1] = 1e300
    with pytest.raises(SceneError, match=r"row 1 .*property x is inf"):
        read_ply(io.BytesIO(ply(rows)))
    with pytest.raises(SceneError, match=r"row 1 .*property x is inf"):
        read_ply(io.BytesIO(ply(rows, text=True)))


def test_quaternions_are_kept_as_they_are() -> None:
    scene = random_scene(4)
    scene.quats[:] *= np.float32(17)
    assert_same(read_ply(io.BytesIO(written(scene))), scene)


def test_infinite_opacity_logits_are_clamped_and_counted() -> None:
    scene = random_scene(5)
    scene.opacity_logits[:] = [np.inf, 30.0, -np.inf, 0.0, np.inf]
    read, report = read_ply_with_report(io.BytesIO(written(scene)))
    limit = OPACITY_LOGIT_LIMIT
    np.testing.assert_array_equal(read.opacity_logits, [limit, 30.0, -limit, 0.0, limit])
    assert report.num_clamped_opacities == 3
    assert report.notes() == ["clamped 3 infinite opacity logits to ±12"]


@pytest.mark.parametrize("name", ["x", "z", "f_dc_1", "f_rest_44", "scale_2", "rot_3"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_refused_by_row_and_property_or_dropped(
    name: str, value: float
) -> None:
    scene = random_scene(5)
    rows = rows_of(scene).copy()
    rows[name][3] = value
    raw = ply(rows)
    with pytest.raises(SceneError, match=rf"row 3 .*property {name} is {value}"):
        read_ply(io.BytesIO(raw))
    read, report = read_ply_with_report(io.BytesIO(raw), drop_invalid=True)
    assert_same(read, scene.take(np.array([0, 1, 2, 4])))
    assert (report.num_rows, report.num_dropped_rows) == (5, 1)
    assert report.notes() == ["dropped 1 of 5 Gaussians with invalid values"]


def test_a_nan_opacity_is_invalid_not_clamped() -> None:
    scene = random_scene(2)
    scene.opacity_logits[1] = np.nan
    with pytest.raises(SceneError, match="property opacity is nan"):
        read_ply(io.BytesIO(written(scene)))


def test_a_zero_quaternion_is_refused_or_dropped() -> None:
    scene = random_scene(3)
    scene.quats[1] = 0
    with pytest.raises(SceneError, match=r"row 1 .*quaternion rot_0\.\.3 is zero"):
        read_ply(io.BytesIO(written(scene)))
    assert read_ply(io.BytesIO(written(scene)), drop_invalid=True).num_gaussians == 2


def test_dropping_every_row_is_refused() -> None:
    scene = random_scene(2)
    scene.means[:] = np.nan
    with pytest.raises(SceneError, match="nothing is left"):
        read_ply(io.BytesIO(written(scene)), drop_invalid=True)


def test_missing_properties_are_all_named() -> None:
    rows = rows_of(random_scene(2))
    names = [name for name in names_of(rows) if name not in ("opacity", "rot_2")]
    with pytest.raises(SceneError, match="lacks opacity, rot_2;"):
        read_ply(io.BytesIO(ply(with_dtypes(rows, names))))


def test_a_gap_in_f_rest_is_named() -> None:
    rows = rows_of(random_scene(2))
    names = [name for name in names_of(rows) if name != "f_rest_5"]
    with pytest.raises(SceneError, match="has 44 f_rest properties but lacks f_rest_5"):
        read_ply(io.BytesIO(ply(with_dtypes(rows, names))))


def test_an_f_rest_count_of_no_sh_degree_is_refused() -> None:
    rows = rows_of(random_scene(2, sh_degree=1))
    names = [name for name in names_of(rows) if name != "f_rest_8"]
    with pytest.raises(SceneError, match=r"8 f_rest properties, expected one of \[0, 9, 24, 45\]"):
        read_ply(io.BytesIO(ply(with_dtypes(rows, names))))


def test_list_properties_are_refused() -> None:
    raw = written(random_scene(2)).replace(b"property float nx", b"property list uchar int nx")
    with pytest.raises(SceneError, match="property nx is a list"):
        read_ply(io.BytesIO(raw))


@pytest.mark.parametrize(
    ("name", "hint"), [("packed_position", "compressed.ply"), ("f_anchor_feat_0", "Scaffold-GS")]
)
def test_other_splat_layouts_are_refused_by_name(name: str, hint: str) -> None:
    rows = rows_of(random_scene(2))
    with pytest.raises(SceneError, match=hint):
        read_ply(io.BytesIO(ply(with_dtypes(rows, ["x", "y", "z", name]))))


_ASCII = b"ply\nformat ascii 1.0\n"
_BINARY = b"ply\nformat binary_little_endian 1.0\n"
_ONE = b"element vertex 1\n"
_X = b"property float x\n"
_END = b"end_header\n"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "empty"),
        (b"pl", "not a PLY"),
        (b"solid cube\n", "not a PLY"),
        (b"ply\n" + b"comment x\n" * 9, "header doesn't end"),
        (b"ply\n" + _END, "malformed PLY header"),
        (b"ply\n" + _ONE + b"format ascii 1.0\n" + _END, "malformed PLY header"),
        (b"ply\nformat ascii 2.0\n" + _END, "malformed PLY header"),
        (_ASCII + _END, "no vertex element"),
        (_ASCII + _ONE + b"property quad x\n" + _END + b"0\n", "malformed PLY header"),
        (_ASCII + _ONE + b"property float \xc3\xa9 x\n" + _END + b"0\n", "malformed PLY header"),
        (_BINARY + b"element vertex 0\n" + _X + _END, "holds no Gaussians"),
        (_BINARY + b"element vertex -1\n" + _X + _END, "header line 'element vertex -1'"),
        (_BINARY + b"element vertex 1_0\n" + _X + _END + bytes(40), "header line"),
        (_BINARY + b"element vertex\n" + _X + _END, "header line"),
        (_BINARY + b"element vertex 9999999999999999999\n" + _X + _END, "header line"),
        (_BINARY + b"element vertex 999999999999\n" + _X + _END, "need at least 3999999999996 bytes"),
        (_ASCII + b"element vertex 999999999999\n" + _X + _END + b"0\n0\n", "need at least"),
        (_BINARY + _ONE + _X + _END + bytes(3), "truncated"),
        (_BINARY + _ONE + _X + _X + _END + bytes(8), "malformed PLY header"),
        (_BINARY + _ONE + _X + _ONE + _X + _END + bytes(8), "two elements"),
    ],
)
def test_a_malformed_file_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(SceneError, match=message):
        read_ply(io.BytesIO(raw))


@pytest.mark.parametrize("body", [b"1 2\n", b"x\n", b"\n\n\n", b"\xff\xff\n"])
def test_malformed_ascii_rows_are_refused(body: bytes) -> None:
    names = ["x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity"]
    names += ["scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"]
    header = "".join(f"property float {name}\n" for name in names)
    raw = f"ply\nformat ascii 1.0\nelement vertex 2\n{header}end_header\n".encode()
    with pytest.raises(SceneError, match="malformed PLY"):
        read_ply(io.BytesIO(raw + body + b" " * 60))


def test_lists_before_binary_vertices_are_refused() -> None:
    raw = written(random_scene(2)).replace(
        b"element vertex", b"element face 1\nproperty list uchar int vertex_indices\nelement vertex"
    )
    with pytest.raises(SceneError, match="face has list properties and stands before vertex"):
        read_ply(io.BytesIO(raw + b"\0"))


def test_every_truncation_is_a_scene_error() -> None:
    raw = written(random_scene(2, sh_degree=0))
    for length in range(len(raw)):
        with pytest.raises(SceneError):
            read_ply(io.BytesIO(raw[:length]))


def test_a_lying_header_allocates_nothing() -> None:
    raw = written(random_scene(2)).replace(b"element vertex 2", b"element vertex 900000000")
    tracemalloc.start()
    try:
        with pytest.raises(SceneError, match="900000000 rows need"):
            read_ply(io.BytesIO(raw))
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_comments_in_any_alphabet_are_ignored() -> None:
    raw = written(random_scene(2)).replace(
        b"element vertex", "comment chaise élégante\nelement vertex".encode(), 1
    )
    assert read_ply(io.BytesIO(raw)).num_gaussians == 2


def test_paths_and_pipes_are_read_and_paths_written(tmp_path: Path) -> None:
    scene = random_scene(3)
    for target in (tmp_path / "a.ply", str(tmp_path / "b.ply")):
        write_ply(scene, target)
        assert_same(read_ply(target), scene)
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as sink:
        sink.write(written(scene))
    with os.fdopen(read_end, "rb") as source:
        assert_same(read_ply(source), scene)
