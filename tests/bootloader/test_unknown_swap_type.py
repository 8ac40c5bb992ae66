"""A trailer with a swap type that there is not, in front of an image of two."""

from pathlib import Path

from support.recordings.mcuboot_bench import Bench, image_file
from support.recordings.mcuboot_words import recorded_build

from tfm_sim.interface.mcuboot.image import read_header
from tfm_sim.interface.mcuboot.trailer import write_magic, write_swap_info

NOWHERE = Path("/nonexistent")
UNKNOWN_TYPE = 6


def test_its_candidate_has_its_dependencies_checked() -> None:
    """MCUboot boot_verify_dependencies: every type but NONE and FAIL is of the secondary slot."""
    build = recorded_build(NOWHERE, "SWAP_USING_MOVE", images=2, single_boot_go=True)
    bench = Bench(
        build.config,
        {
            (0, "primary"): image_file(NOWHERE, "s100"),
            (0, "secondary"): image_file(NOWHERE, "s200dep0_pad"),
            (1, "primary"): image_file(NOWHERE, "ns100"),
            # It needs version 3.0.0 of image 1, and has no magic in its trailer.
            (1, "secondary"): image_file(NOWHERE, "s200dep3_pad")[:0x1C00],
        },
        build.counter,
    )
    write_magic(bench.area(1, "primary"))
    write_swap_info(bench.area(1, "primary"), UNKNOWN_TYPE, 1)
    assert bench.boot()["result"] == "OK"
    assert read_header(bench.area(0, "primary")).version.major == 1, "image 0 is held back, too"
