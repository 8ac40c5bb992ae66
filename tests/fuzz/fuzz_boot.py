"""BL1, BL2 and the boot status under a coverage-guided fuzzer, for as long as it may run: `make fuzz`.

    .venv/bin/python tests/fuzz/fuzz_boot.py [DIR...] [libFuzzer options, such as -max_total_time=600]

The first byte of an input chooses a target, the rest is its flash, file, shared data or bundle (see
support/boot_fuzz.py, boot_status_fuzz.py and bl1_fuzz.py). An input that breaks a promise is left in a file
crash-*; give that file as an argument to run it again. pytest does not collect this;
tests/bootloader/test_boot_fuzz.py is the short form.
"""

import random
import sys
from collections import Counter
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["tfm_sim"]):
    from support.bl1_fuzz import bl2_images, load_bl2_and_check, provision_and_check
    from support.boot_fuzz import (
        ALL_STRATEGIES,
        ByteChoices,
        draw_device,
        edited,
        images,
        look_at_file,
        power_on_and_check,
    )
    from support.boot_status_fuzz import read_everywhere

    from tfm_sim.interface.tfm.boot_status import BootStatusEra

SEEDS = 100
TELL_EVERY = 5000
ends: Counter[str] = Counter()


def one_input(data: bytes) -> None:
    # libFuzzer leaves the process without a word to Python, so the sum is told now and then.
    ends["inputs"] += 1
    if ends["inputs"] % TELL_EVERY == 0:
        print("how inputs ended:", dict(ends), file=sys.stderr)
    choices = ByteChoices(data[1:])
    match data[0] % 12 if data else 0:
        case 0:
            era = choices.pick(list(BootStatusEra))
            ends["status read" if read_everywhere(data[2:], era) is not None else "no status"] += 1
        case 1:
            look_at_file(edited(choices, images()[choices.number(0, len(images()) - 1)].stored))
            ends["file"] += 1
        case 2:
            ends[load_bl2_and_check(choices)] += 1
        case 3:
            ends[provision_and_check(choices)] += 1
        case _:
            ends.update(power_on_and_check(draw_device(choices, choices.pick(ALL_STRATEGIES))))


def sow(folder: Path) -> None:
    """Inputs to begin with, where there are none: long enough for a whole device of each strategy."""
    if folder.is_dir() and not any(folder.iterdir()):
        for number in range(SEEDS):
            (folder / f"seed-{number}").write_bytes(random.Random(number).randbytes(200))


def main() -> None:
    images(), bl2_images()
    for argument in sys.argv[1:]:
        sow(Path(argument))
    # Without length control, as short inputs are all the same few devices.
    atheris.Setup([*sys.argv, "-len_control=0"], one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
