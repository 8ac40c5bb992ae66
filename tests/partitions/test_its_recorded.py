"""The flash of TF-M's own file system, step by step: the same operations, the same bytes, the same statuses.

tests/data/tfm_its_flash_fs.json says what was recorded and how its digests are made.
"""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from support.its_bench import FsBench, Geometry

from tfm_sim.partitions.internal_trusted_storage.config import TFM_ITS_TODAY
from tfm_sim.partitions.internal_trusted_storage.refusal import Refusal
from tfm_sim.platform.power import Operation, OperationKind

RECORDED = json.loads((Path(__file__).parent.parent / "data" / "tfm_its_flash_fs.json").read_text())[
    "sequences"
]


def fnv1a(data: bytes) -> int:
    value = 2166136261
    for byte in data:
        value = (value ^ byte) * 16777619 & 0xFFFFFFFF
    return value


def line(operation: Operation) -> str:
    if operation.kind is OperationKind.ERASE:
        return f"E {operation.offset} {operation.length}"
    return f"W {operation.offset} {operation.length} {fnv1a(operation.data):08x}"


def do(bench: FsBench, step: dict[str, Any]) -> int:
    try:
        match step["do"]:
            case "prepare":
                bench.fs.prepare()
            case "wipe":
                bench.fs.wipe_all()
            case "set":
                bench.set(step["file"], bytes.fromhex(step["data"]), step["flags"])
            case "remove":
                bench.remove(step["file"])
    except Refusal as refusal:
        return refusal.status
    return 0


@pytest.mark.parametrize("sequence", RECORDED, ids=lambda sequence: sequence["name"])
def test_sequence(sequence: dict[str, Any]) -> None:
    bench = FsBench(Geometry(**sequence["geometry"]), quirks=TFM_ITS_TODAY)
    for number, step in enumerate(sequence["steps"]):
        before = len(bench.operations)
        assert do(bench, step) == step["status"], (number, step)
        made = [line(operation) for operation in bench.operations[before:]]
        assert len(made) == step["operations"], (number, step)
        digest = sha256("\n".join(made).encode() + bytes(bench.flash.cells)).hexdigest()[:24]
        assert digest == step["sha256"], (number, step)


def test_what_was_recorded_covers_the_format() -> None:
    shapes = [sequence["geometry"] for sequence in RECORDED]
    assert {shape["alignment"] for shape in shapes} == {1, 4, 8, 16}
    assert {shape["erased"] for shape in shapes} == {0x00, 0xFF}
    assert {shape["blocks"] for shape in shapes} == {2, 4, 5}
    assert {shape["encrypted"] for shape in shapes} == {True, False}
    assert sum(len(sequence["steps"]) for sequence in RECORDED) > 300
