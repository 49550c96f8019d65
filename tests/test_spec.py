"""SPEC.md says what the code does: constants, hashes of tables, names, the worked example."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import numpy.typing as npt
import pytest

from hemgs_codec import lattice, profile
from hemgs_codec.anchors import network_coding
from hemgs_codec.anchors import profile as anchor_profile
from hemgs_codec.anchors.networks import NetworkShape
from hemgs_codec.coding import fields, model_fields, walk
from hemgs_codec.context import graph, neighbours, order
from hemgs_codec.location import tables as location_tables
from hemgs_codec.model import frozen, hashgrid, scaling, units
from hemgs_codec.model.arithmetic import MAX_SHIFT
from hemgs_codec.model.spec import Group, ModelSpec
from hemgs_codec.model.tilts import NUM_TILTS
from hemgs_codec.sections import KNOWN, SINGLE_IDS
from hemgs_codec.shapes import GaussianShape, Shape, groups_of
from hemgs_format import constants, symbols, tables
from hemgs_format.header import HEADER_BYTES
from tests.prior.small import random_prior
from tests.spec_text import FLAT, HEADINGS, ROOT, TEXT, evaluate, rows_under
from vectors.example_text import BEGIN, END, example_text


def sha256(values: npt.ArrayLike, dtype: str = "<i8") -> str:
    return hashlib.sha256(np.asarray(values).astype(dtype).tobytes()).hexdigest()


def gaussian_rows() -> npt.NDArray[np.int64]:
    return np.concatenate(
        [tables.gaussian_row(i, f) for i in range(tables.NUM_TABLE_SIGMAS) for f in range(-8, 8)]
    )


@pytest.mark.parametrize(
    "digest",
    [
        tables.NORMAL_TABLE_SHA256,
        sha256(gaussian_rows(), "<u4"),
        sha256(location_tables.SQUASH),
        sha256(location_tables.STRETCH),
        sha256(location_tables.RATE),
        sha256(location_tables.TRUST),
        sha256(location_tables.KERNEL),
        sha256(location_tables.BINOMIAL_BELOW),
        sha256(units._log_table()),
        sha256(units.step_table()),
        sha256(units.attention_table()),
        sha256([lattice.lattice_step(i) for i in range(lattice.NUM_LATTICE_STEPS)]),
    ],
)
def test_tables_have_the_hashes_in_the_spec(digest: str) -> None:
    assert digest in TEXT


def test_worked_example_is_the_vector_byte_by_byte() -> None:
    data = (ROOT / "format" / "vectors" / "valid" / "worked-example.hgs").read_bytes()
    dump = TEXT.split(BEGIN)[1].split("```")[1]
    assert bytes.fromhex("".join(line[4:] for line in dump.splitlines())) == data
    assert len(data) < 500


def test_worked_example_says_what_the_code_does() -> None:
    data = (ROOT / "format" / "vectors" / "valid" / "worked-example.hgs").read_bytes()
    written = BEGIN + TEXT.split(BEGIN)[1].split(END)[0] + END
    assert written == example_text(data), "run format/vectors/make_vectors.py"


def test_version_and_magic_are_the_codes() -> None:
    version = f"{constants.MAJOR}.{constants.MINOR}"
    assert f"| format version | {version} |" in TEXT
    assert f"* **{version}** " in TEXT.split("## Version changes")[1]
    assert constants.MAGIC.hex(" ").upper() in TEXT


def test_header_rows_add_up() -> None:
    at = 0
    for offset, size, *_ in rows_under("Header"):
        assert int(offset) == at
        at += int(size)
    assert at == HEADER_BYTES


def test_sections_are_the_codes() -> None:
    ids = [re.findall(r"`(\w{4})`", row[0]) for row in rows_under("Sections")]
    single = SINGLE_IDS["anchor"]
    assert [names[0] for names in ids[: len(single)]] == list(single)
    assert SINGLE_IDS["gaussian"] == tuple(name for name in single if name != "MLPS")
    assert ids[len(single)] == ["RUN0", "RUN3"]
    assert {"RUN0", "RUN3"} <= KNOWN
    assert ids[-1] == [constants.PADDING_ID]


@pytest.mark.parametrize(
    ("shape", "has_prior"),
    [(GaussianShape(0), False), (GaussianShape(0), True), (NetworkShape(4, 2), False)],
)
def test_metadata_keys_are_the_codes(shape: Shape, has_prior: bool) -> None:
    spec = ModelSpec(groups_of(shape), (), 1, 1, 1, 1)
    prior = random_prior() if has_prior else None
    said = (np.zeros(10, np.int8), np.zeros((10, NUM_TILTS), np.int8)) if has_prior else ()
    written = fields.Fields(
        shape=shape,
        lambda_q=units.LAMBDA_REFERENCE_Q,
        lattice=lattice.Lattice((0.0, 0.0, 0.0), 1.0, 0),
        position_bits=1,
        geometry=model_fields.Geometry("raster", 0, 1, 0, (0, 0, 0, 1), 0),
        scaling=scaling.Scaling(np.zeros(11, np.float32), np.zeros(11, np.float32), *said),
        spec=spec,
        prior=prior,
        centroids=(),
        symbols_sha256=bytes(32),
    ).pack()
    other = "`anchor` only" if isinstance(shape, GaussianShape) else "`gaussian` only"
    others = (other,) if has_prior else (other, "optional", "with a prior")
    rows = [row for row in rows_under("META") if not row[-1].startswith(others)]
    assert {row[0].strip("`") for row in rows} == set(written)


def test_metadata_ranges_are_the_codes() -> None:
    ranges = {row[0].strip("`"): row[2].replace("\N{MINUS SIGN}", "-") for row in rows_under("META")}
    assert ranges["lambda"] == "{} .. {}".format(*fields.LAMBDA_Q_RANGE)
    assert ranges["step"] == f"0 .. {lattice.NUM_LATTICE_STEPS - 1}"
    assert ranges["bits"] == f"1 .. {lattice.MAX_BITS}"
    assert ranges["features"] == f"1 .. {anchor_profile.MAX_FEATURES}"
    assert ranges["slots"] == f"1 .. {anchor_profile.MAX_SLOTS}"
    assert ranges["order"] == ", ".join(map(str, range(len(order.ORDERS))))
    assert ranges["context"] == f"0 .. {model_fields.MAX_CONTEXT}"
    assert ranges["window"] == f"1 .. {model_fields.MAX_WINDOW}"
    assert ranges["voxel"] == f"0 .. {graph.MAX_VOXEL_SHIFT}"
    net = (
        model_fields.MAX_HIDDEN,
        model_fields.MAX_HIDDEN,
        model_fields.MAX_HEADS,
        model_fields.MAX_FEATURES,
    )
    assert ranges["net"].startswith(", ".join(f"1 .. {limit}" for limit in net))
    assert (
        f"0 .. {model_fields.MAX_LOG_RESOLUTION}, entries 1 .. 2^{model_fields.MAX_ENTRIES.bit_length() - 1}]"
        in FLAT
    )


def test_groups_are_the_codes() -> None:
    rows = rows_under("Gaussian profile")
    groups = profile.groups(3)
    assert len(rows) == len(groups)
    for row, group in zip(rows, groups, strict=True):
        assert group.name in row[0]
        numbers = [tuple(int(n) for n in re.findall(r"\d+", cell)) for cell in row[3:5]]
        assert numbers == [group.slices, group.steps]


def runs(steps: tuple[int, ...]) -> str:
    return f"{steps[0]}" if len(steps) == 1 else f"{steps[0]} .. {steps[-1]}"


def test_anchor_groups_are_the_codes() -> None:
    rows = [row for row in rows_under("Anchor profile") if len(row) == 5]
    groups = anchor_profile.groups(32, 10)
    assert [row[0].split() for row in rows] == [[f"{g}", group.name] for g, group in enumerate(groups)]
    assert [row[1] for row in rows] == [f"`RUN{group.layer}`" for group in groups]
    importance, masks, features, offsets = (", ".join(map(str, group.slices)) for group in groups)
    of_features, of_offsets = (
        ", ".join(runs(tuple(range(group.num_steps)[group.slice_steps(k)])) for k in range(len(group.slices)))
        for group in groups[2:]
    )
    assert (
        f"a slice of {importance}; of {masks}; of {features} with step channels {of_features}; "
        f"of {offsets} with step channels {of_offsets}."
    ) in FLAT


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 7, 10, anchor_profile.MAX_SLOTS])
def test_step_channels_of_anchors_are_one_a_log_scale_and_one_a_slot(slots: int) -> None:
    importance, masks, features, offsets = anchor_profile.groups(32, slots)
    assert importance.channel_steps == (0,)
    assert set(masks.channel_steps) == {0}
    assert features.channel_steps == tuple(np.repeat(np.arange(len(features.slices)), features.slices))
    assert offsets.channel_steps == (*range(6), *(6 + slot for slot in range(slots) for _ in range(3)))
    # as the slices' inputs have them: every slice's are those of its channels, ascending
    channel_steps = np.split(np.array(offsets.channel_steps), np.cumsum(offsets.slices)[:-1])
    for k, steps in enumerate(channel_steps):
        assert np.arange(offsets.num_steps)[offsets.slice_steps(k)].tolist() == sorted(set(steps.tolist()))


def test_layers_of_rendering_networks_are_the_codes() -> None:
    rows = [row for row in rows_under("Anchor profile") if ".hidden" in row[0]]
    shape = NetworkShape(32, 10, (False, True, False), feature_bank=True)
    expected = []
    for names, inputs, hidden, out in rows:
        sizes = {"D": 32, "K": 10}
        of_hidden, of_out = re.findall(r"\w+\.\w+", names)
        network = of_hidden.split(".")[0]
        fan_in = evaluate(inputs.split(",")[0], sizes) + ("distance" in inputs and network == "covariance")
        outputs = evaluate(out.replace(" K", " · K"), sizes)
        expected += [(of_hidden, (fan_in, sizes[hidden])), (of_out, (sizes[hidden], outputs))]
    assert list(shape.layers().items()) == expected


@pytest.mark.parametrize("groups", [profile.groups(1), anchor_profile.groups(7, 3)])
@pytest.mark.parametrize("has_context", [False, True])
@pytest.mark.parametrize("has_earlier", [False, True])
@pytest.mark.parametrize("points", [0, 4])
def test_matrices_are_the_codes_in_its_order(
    groups: tuple[Group, ...], has_context: bool, has_earlier: bool, points: int
) -> None:
    grid = (hashgrid.Level((0, 1), 1, 9),)
    spec = ModelSpec(
        groups, grid, 3, 5, 7, 2, use_context=has_context, use_earlier=has_earlier, points=points
    )
    rows = [row for row in rows_under("Matrices") if row[0].startswith("g.")]
    rows = [row for row in rows if has_context or "*" not in row[0]]
    expected: dict[str, tuple[int, int]] = {}
    for g, group in enumerate(groups):
        sizes = {"L": 5 + points, "G": 2 + points, "H": 5, "T": 7, "M": 2, "c": int(has_context)}
        sizes |= {"E": spec.first_channel(g) * has_earlier, "V": group.channels, "S": group.num_steps}
        of_group = [row for row in rows if "g.k." not in row[0] and not (group.flags and "†" in row[0])]
        for name, _, inputs, outputs, _ in of_group[:2] if group.refines_positions else of_group:
            key = name.rstrip(" *†").replace("g.", f"{g}.")
            expected[key] = (evaluate(inputs, sizes), evaluate(outputs, sizes))
        done = 0
        for k, width in enumerate(group.slices):
            sizes |= {"W": width, "Q": done * has_earlier}
            sizes["P"] = len(set(group.channel_steps[done : done + width]))
            done += width
            for name, _, inputs, outputs, _ in (row for row in rows if "g.k." in row[0]):
                key = name.removesuffix(" *").replace("g.k.", f"{g}.{k}.")
                expected[key] = (evaluate(inputs, sizes), evaluate(outputs.split(":")[0], sizes))
    assert list(spec.matrices().items()) == list(expected.items())


def test_limits_are_the_codes() -> None:
    limits = {row[0]: row[1] for row in rows_under("Limits and security")}
    assert limits["num_points, num_input"] == f"2^{constants.MAX_POINTS.bit_length() - 1}"
    assert limits["num_points"].startswith(f"{constants.MAX_POINTS_PER_BYTE} ")
    assert limits["sections"].replace(" ", "") == f"{constants.MAX_SECTIONS}"
    bytes_log2 = constants.MAX_METADATA_BYTES.bit_length() - 1
    assert limits["metadata"] == f"2^{bytes_log2} bytes, {constants.MAX_METADATA_DEPTH} levels"
    assert limits["weights and biases"] == f"2^{frozen.MAX_PARAMETERS.bit_length() - 1}"
    assert limits["features, slots"] == f"{anchor_profile.MAX_FEATURES}, {anchor_profile.MAX_SLOTS}"
    largest = NetworkShape(anchor_profile.MAX_FEATURES, anchor_profile.MAX_SLOTS, (True,) * 3, True)
    assert sum((rows + 1) * columns for rows, columns in largest.layers().values()) < 400_000
    assert limits["hash grid"] == (
        f"{model_fields.MAX_LEVELS} levels, 2^{frozen.MAX_GRID_VALUES.bit_length() - 1} values, "
        f"{frozen.GRID_VALUES_PER_BYTE} a byte"
    )
    assert limits["context, window"] == f"{model_fields.MAX_CONTEXT}, {model_fields.MAX_WINDOW}"
    assert limits["\\|symbol\\|"] == f"2^{symbols.MAX_SYMBOL.bit_length() - 1}"


def test_numbers_in_the_text_are_the_codes() -> None:
    first = [int(v) for v in order.splitmix64(np.arange(2, dtype=np.uint64))]
    assert f"hash(0) = 0x{first[0]:X}, hash(1) = 0x{first[1]:X}" in FLAT
    ranks = order.coding_sequence(np.zeros((8, 3), np.int64), "permuted").tolist()
    assert f"Morton indices {', '.join(map(str, ranks))}." in FLAT
    for number, name in enumerate(order.ORDERS):
        assert f"**{name}** (`order` {number}): " in FLAT
    assert order.window_growth(20, "permuted").tolist()[:6] == [2, 1, 1, 1, 1, 0]
    values = units.log2_fixed(np.array([1, 3, 1_000_000])).tolist()
    assert "LOG2(1) = {}, LOG2(3) = {}, LOG2(1000000) = {}".format(*values) in FLAT
    assert f"PRIME = {', '.join(map(str, hashgrid._PRIMES))}" in FLAT
    assert f"lam = {walk.lambda_feature(-2039)}" in FLAT
    assert f"at most {MAX_SHIFT} (`CorruptError`)" in FLAT
    assert f"beyond ±{frozen.PARAMETER_LIMIT}" in FLAT
    assert f"beyond ±{network_coding.INTEGER_LIMIT}" in FLAT
    assert f"clamp((value + 32) >> 6, -{scaling.VALUE_LIMIT}, {scaling.VALUE_LIMIT})" in FLAT
    assert f"16383 .. {units.LIMIT}" in FLAT
    assert f"STEP[{units.UNIT_STEP}] = 65536" in FLAT


def test_sections_of_the_spec_that_the_code_cites_exist() -> None:
    cited = set()
    for folder in ("hemgs_codec", "format", "cli"):
        for path in (ROOT / folder).rglob("*.py"):
            for names in re.findall(
                r'SPEC:? (?:section )?("[^"]+"(?:, "[^"]+")*)', path.read_text(encoding="utf-8")
            ):
                cited |= {(path.name, name) for name in re.findall(r'"([^"]+)"', names)}
    assert cited
    missing = {
        name
        for name in cited
        if not any(heading == name[1] or heading.startswith(f"{name[1]} and") for heading in HEADINGS)
    }
    assert missing == set()


def test_waves_and_batches_are_as_large_as_the_spec_says() -> None:
    assert f"s[k] // {order.WAVE} + 1" in TEXT
    assert f"ceil(M / {neighbours.BATCH})" in TEXT
