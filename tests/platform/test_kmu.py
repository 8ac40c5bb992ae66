"""The slots of an RSE's key management unit."""

import pytest

from tfm_sim.platform.board import load_board
from tfm_sim.platform.hardware import Hardware
from tfm_sim.platform.kmu import Kmu, KmuSlot
from tfm_sim.platform.plat_err import PlatError, TfmPlatErr

KEY = bytes(range(32))


def test_slots_are_apart() -> None:
    kmu = Kmu()
    for slot in KmuSlot:
        kmu.set_key(slot, bytes([slot]) * 32)
    assert [kmu.get_key(slot) for slot in KmuSlot] == [bytes([slot]) * 32 for slot in KmuSlot]


def test_numbers_of_tf_m() -> None:
    """KMU_USER_SLOT_MIN is 7: the key of the TRAM, the virtual HUK, then these."""
    assert [int(slot) for slot in (KmuSlot.IAK_SEED, KmuSlot.DAK_SEED, KmuSlot.ROT_CDI)] == [9, 10, 11]


def test_an_empty_slot() -> None:
    with pytest.raises(PlatError, match="KMU DAK_SEED: empty") as refused:
        Kmu().get_key(KmuSlot.DAK_SEED)
    assert refused.value.reason is TfmPlatErr.SYSTEM_ERR


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_key_of_another_size(size: int) -> None:
    with pytest.raises(PlatError, match=f"KMU IAK_SEED: {size} bytes; legal: 32") as refused:
        Kmu().set_key(KmuSlot.IAK_SEED, bytes(size))
    assert refused.value.reason is TfmPlatErr.INVALID_INPUT


@pytest.mark.parametrize("forget", ["reset", "clear"])
def test_slots_forget_at_a_reset(forget: str) -> None:
    hardware = Hardware(load_board("an521_bl1"))
    hardware.kmu.set_key(KmuSlot.DAK_SEED, KEY)
    assert hardware.hal.tfm_plat_get_dak_seed() == KEY
    getattr(hardware, forget)()
    with pytest.raises(PlatError, match="empty"):
        hardware.hal.tfm_plat_get_dak_seed()
