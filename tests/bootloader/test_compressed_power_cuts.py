"""A compressed upgrade cut at every write and erase, in every way, always ends with the plain image whole."""

from dataclasses import replace

import pytest
from support.image_builder import P256, ImageParts
from support.image_compression import PAYLOAD, Compressed
from support.image_encryption import FOR_EC256, KEY_128, Encrypted
from support.recordings.mcuboot_bench import Bench

from tfm_sim.bootloader.config import Bl2Config
from tfm_sim.interface.mcuboot.tlv import TlvType
from tfm_sim.interface.mcuboot.trailer import mark_pending
from tfm_sim.platform.power import Cut, CutMode, PowerCut

OLD = P256.image(version=(1, 0, 0, 0))
NEW = Compressed(P256, ImageParts(version=(2, 0, 0, 0), payload=PAYLOAD))
CONFIG = P256.config(decompression=True)


def both() -> tuple[bytes, Bl2Config]:
    """Encrypted as well: filled up to whole blocks, COMP_DEC_SIZE before the digest."""
    new = Compressed(P256, replace(NEW.plain, flags=4))
    data = new.parts().payload
    size = (TlvType.COMP_DEC_SIZE, len(data).to_bytes(4, "little"))
    parts = new.parts([*new.inner_tlvs(), size], data + bytes(-len(data) % 16))
    image = Encrypted(P256, FOR_EC256, KEY_128, parts=parts, flag=0).image()
    return image, replace(CONFIG, **FOR_EC256.options())


def bench(candidate: bytes, config: Bl2Config) -> Bench:
    made = Bench(config, {(0, "primary"): OLD, (0, "secondary"): candidate}, 5)
    mark_pending(made.area(0, "secondary"), permanent=False)
    return made


@pytest.mark.parametrize("mode", CutMode)
@pytest.mark.parametrize("kind", ["compressed", "both"])
def test_every_cut_ends_with_the_new_image(kind: str, mode: CutMode) -> None:
    candidate, config = both() if kind == "both" else (NEW.image(), CONFIG)
    whole = bench(candidate, config)
    assert whole.boot()["version"] == "2.0.0+0"
    operations = whole.hardware.power.operations
    primary = whole.area(0, "primary").read(0, 0x2000)
    assert operations > 10
    for number in range(1, operations + 1):
        cut = bench(candidate, config)
        cut.hardware.power.cut_at(Cut(number, mode))
        with pytest.raises(PowerCut):
            cut.boot()
        found = cut.boot()
        assert (found["result"], found["version"], found["nv_counter_after"]) == ("OK", "2.0.0+0", 5), number
        assert cut.area(0, "primary").read(0, 0x2000) == primary, number
