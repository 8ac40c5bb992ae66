"""BL2 and the boot status under a coverage-guided fuzzer, for as long as it may run: `make fuzz`.

    .venv/bin/python tests/fuzz/fuzz_boot.py [DIR...] [libFuzzer options, such as -max_total_time=600]

The first byte of an input chooses a target and a strategy, the rest is its flash, file or shared data (see
support/boot_fuzz.py). An input that breaks a promise is left in a file crash-*; give that file as an argument
to run it again. pytest does not collect this; tests/bootloader/test_boot_fuzz.py is the short form.
"""

import random
import sys
from collections import Counter
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parents[1]))

with atheris.instrument_imports(include=["tfm_sim"]):
    from support.boot_fuzz import (
        ALL_STRATEGIES,
        ByteChoices,
        draw_device,
        images,
        look_at_file,
        power_on_and_check,
    )
    from support.boot_status_fuzz import read_everywhere

    from tfm_sim.interface.tfm.boot_status import BootStatusEra

FILES = 2
"""Of ten inputs, these many are a boot status, and as many an image file."""
SEEDS = 100
ends: Counter[str] = Counter()


def one_input(data: bytes) -> None:
    kind = data[0] % 10 if data else 0
    if kind < FILES:
        eras = list(BootStatusEra)
        status = read_everywhere(data[2:], eras[data[1] % len(eras)] if len(data) > 1 else eras[0])
        ends["status read" if status is not None else "no status"] += 1
    elif kind < 2 * FILES:
        choices = ByteChoices(data[1:])
        content = bytearray(images()[choices.number(0, len(images()) - 1)].stored)
        for _ in range(choices.number(0, 8)):
            at = choices.number(0, len(content) - 1)
            content[at : at + 4] = choices.blob(4)
        look_at_file(bytes(content))
        ends["file"] += 1
    else:
        choices = ByteChoices(data[1:])
        ends.update(power_on_and_check(draw_device(choices, choices.pick(ALL_STRATEGIES))))


def sow(folder: Path) -> None:
    """Inputs to begin with, where there are none: long enough for a whole device of each strategy."""
    if folder.is_dir() and not any(folder.iterdir()):
        for number in range(SEEDS):
            (folder / f"seed-{number}").write_bytes(random.Random(number).randbytes(200))


def main() -> None:
    images()
    for argument in sys.argv[1:]:
        sow(Path(argument))
    # Without length control, as short inputs are all the same few devices.
    atheris.Setup([*sys.argv, "-len_control=0"], one_input)
    try:
        atheris.Fuzz()
    finally:
        print("inputs by how they ended:", dict(ends), file=sys.stderr)


if __name__ == "__main__":
    main()
