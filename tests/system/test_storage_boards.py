"""Whether a board can have a build's storage: told when the device is made, not by a panic at its boot."""

from pathlib import Path
from typing import Any

import pytest
from support.storage_boards import WITHOUT_STORAGE

from tfm_sim import Build, Device, ItsConfig
from tfm_sim.platform.board import packaged_boards
from tfm_sim.spm.load import LoadError

NO_STORAGE = Path(__file__).parent.parent / "data" / "boards" / "ff_ipc.yaml"


@pytest.mark.parametrize("board", packaged_boards())
def test_every_packaged_board_with_tfm_has_internal_trusted_storage(board: str) -> None:
    assert Device(board).build.its == (None if board in WITHOUT_STORAGE else ItsConfig())


def test_the_default_build_of_a_board_without_storage_has_none() -> None:
    assert Device(NO_STORAGE).build.its is None


@pytest.mark.parametrize(
    "board, its, text",
    [
        (NO_STORAGE, ItsConfig(), "which has no flash area with role its; legal: its=None"),
        ("an521", ItsConfig(max_asset_size=4097), "files of up to 4097 bytes; legal: up to 4096"),
        ("an521", ItsConfig(num_assets=200), "metadata of 6464 bytes; legal: up to a block, 4096"),
        ("an521", ItsConfig(sectors_per_block=3), "1 blocks; legal: 2, or 4 and more"),
    ],
)
def test_what_does_not_fit(board: str | Path, its: ItsConfig, text: str) -> None:
    with pytest.raises(LoadError, match="storage") as error:
        Device(board, build=Build(bl2=None, its=its, ps=None))
    assert text in str(error.value)


@pytest.mark.parametrize("field", ["max_asset_size", "num_assets", "buf_size", "sectors_per_block"])
@pytest.mark.parametrize("value", [0, -1, 0x10000])
def test_numbers_that_no_build_has(field: str, value: int) -> None:
    made: Any = ItsConfig
    with pytest.raises(ValueError, match=f"ItsConfig: {field} {value}; legal: 1 to 65535"):
        made(**{field: value})


@pytest.mark.parametrize("sectors", [1, 2])
def test_blocks_of_several_sectors(sectors: int) -> None:
    with Device(build=Build(bl2=None, its=ItsConfig(sectors_per_block=sectors), ps=None)) as device:
        device.power_on()
        device.psa.internal_trusted_storage.set(1, b"kept")
        device.reset()
        assert device.psa.internal_trusted_storage.get(1) == b"kept"
