"""A device of the geometry on which MCUboot's own code was recorded, told in the recordings' words."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from support.recordings.case import Recorded, not_yet
from support.recordings.mcuboot_words import OWN_IMAGES

from tfm_sim.bootloader.bl2 import Bl2
from tfm_sim.bootloader.config import Bl2Config, HashAlgorithm
from tfm_sim.bootloader.keys import ImageKey, KeyFileError, key_hash, load_public_key, public_key_encoding
from tfm_sim.bootloader.loader import BootRefused
from tfm_sim.bootloader.ports import PRIMARY, SECONDARY, SLOTS, Ports
from tfm_sim.interface.mcuboot.trailer import read_swap_state, write_image
from tfm_sim.interface.trace import Trace
from tfm_sim.platform.board import AreaRole, Board, SlotName, load_board
from tfm_sim.platform.flash import FlashArea
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.nv_counters import NvCounter
from tfm_sim.platform.provisioning import Provisioning

BOARD = "mcuboot_8k"
Contents = Mapping[tuple[int, SlotName], bytes]


@cache
def board() -> Board:
    return load_board(BOARD)


def image_file(folder: Path, name: str) -> bytes:
    """A file of the recording, or of our own copy of them; "-" is nothing. Skips where it is nowhere."""
    if name == "-":
        return b""
    for place in (folder, OWN_IMAGES):
        for file in (place / name, place / f"{name}.bin", place / "multi" / f"{name}.bin"):
            if file.is_file():
                return file.read_bytes()
    return not_yet(f"the image {name} is not at hand")


def key_by_hash(folder: Path, wanted: bytes) -> ImageKey | None:
    """The key among the recording's files that a KEYHASH TLV names."""
    for place in (folder, OWN_IMAGES):
        for file in sorted(place.glob("key_*_pub.pem")):
            try:
                key = load_public_key(file)
            except KeyFileError:  # X25519: a key to encrypt for
                continue
            if any(key_hash(public_key_encoding(key), algorithm) == wanted for algorithm in HashAlgorithm):
                return key
    return None


class Bench:
    """A device with images in its slots; every boot is one run of BL2 after a reset."""

    def __init__(
        self, config: Bl2Config, contents: Contents, *counters: int, rotpks: tuple[bytes, ...] = ()
    ) -> None:
        self.config = config
        self.hardware = Hardware(board(), Provisioning(rotpks=rotpks))
        for (image, slot), data in contents.items():
            if data:
                write_image(self.area(image, slot), data)
        for image in range(config.image_number):
            counter = counters[min(image, len(counters) - 1)] if counters else 0
            self.hardware.nv_counters.set(NvCounter(NvCounter.BL2_0 + image), counter)
        shared = self.hardware.board.shared_data
        slots = {(image, slot): self.area(image, slot) for image in range(2) for slot in SLOTS}
        self.ports = Ports(
            slots,
            self.hardware.otp,
            self.hardware.nv_counters,
            self.hardware.memory,
            (shared.base, shared.size),
            self.hardware.board.executable_ram,
            self.hardware.area_with_role(AreaRole.SCRATCH),
        )

    def area(self, image: int, slot: str) -> FlashArea:
        return self.hardware.slot(image, slot)  # type: ignore[arg-type]

    def boot(self) -> Recorded:
        """One boot, told as the recordings tell it."""
        self.hardware.reset()
        told: Recorded = {"result": "FAIL"}
        try:
            outcome = Bl2(self.ports, self.config, Trace()).run()
        except BootRefused as refused:
            assert refused.refusals, "a refusal names what was refused"
        else:
            first = next(booted for booted in outcome.images if booted.image == 0)
            told = {"result": "OK", "version": str(first.version), "slot": first.slot}
            if self.config.measured_boot:
                told["shared_data"] = self.shared_data().hex()
        told["nv_counter_after"] = self.ports.security_counter(0)
        return told | {slot: self.slot_state(0, slot) for slot in SLOTS}

    def slot_state(self, image: int, slot: str) -> Recorded:
        area = self.area(image, slot)
        state = read_swap_state(area, self.config.boot_max_align)
        return {
            "header": "blank" if area.read(0, 4) == b"\xff" * 4 else "set",
            "magic": state.magic.name.lower(),
            "swap_type": state.swap_type,
            "copy_done": state.copy_done.name.lower(),
            "image_ok": state.image_ok.name.lower(),
        }

    def shared_data(self) -> bytes:
        """The written part of the area: its own total says how long that is."""
        base, size = self.ports.shared_data
        area = self.hardware.memory.read(base, size)
        return area[: int.from_bytes(area[2:4], "little")]


TELLING = {"boot", "config", "source", "note", "why"}
"""What only tells about a boot."""
FACTS = {"result", "version", "slot", "shared_data", "nv_counter_after", *SLOTS}
SLOT_FACTS = {"header", "magic", "swap_type", "copy_done", "image_ok"}
RESULTS = {"OK": "OK", "FAIL": "FAIL", "ASSERT": "FAIL", "PANIC": "FAIL"}
"""Recorded result and ours: where MCUboot's code fails an assertion or panics, a device stands still."""


def result_of(recorded: Recorded) -> str:
    """Skips on what says nothing about a right loader, for instance a crash."""
    word = recorded["result"]
    return RESULTS.get(word) or not_yet(f"unknown result {word!r}")


def agrees(found: Recorded, recorded: Recorded) -> None:
    """Every fact that the recording has of a boot; a fact of an unknown kind skips, if all others agree."""
    told = {key: value for key, value in recorded.items() if key in FACTS} | {"result": result_of(recorded)}
    unknown = recorded.keys() - FACTS - TELLING
    for slot in SLOTS:
        if isinstance(told.get(slot), dict):
            unknown |= {f"{slot} {key}" for key in told[slot].keys() - SLOT_FACTS}
            told[slot] = {key: value for key, value in told[slot].items() if key in SLOT_FACTS}
            found = found | {slot: {key: found[slot][key] for key in told[slot]}}
    assert {key: found.get(key) for key in told} == told
    if unknown:
        not_yet(f"unknown facts of a boot: {', '.join(sorted(unknown))}")


__all__ = ["PRIMARY", "SECONDARY", "Bench", "agrees", "image_file", "key_by_hash", "result_of"]
