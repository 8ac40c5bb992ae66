"""RSE provisioning: virgin, CM, DM, SE, RMA; two bundles, cold resets, and what rse_sysctrl says on the way."""

# ruff: noqa: E501 - tables of one line a case

import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bl1_bench import OTP

from tfm_sim.bootloader.rse_keys import TpMode
from tfm_sim.bootloader.rse_provisioning import (
    CM_BUNDLE_MAGIC,
    DM_BUNDLE_MAGIC,
    RomAction,
    RseBundleLayout,
    RseChip,
    RseSignalled,
    Sysctrl,
    provisioning_key,
    run_rom,
    run_until_idle,
)
from tfm_sim.interface.trace import Event
from tfm_sim.platform.lifecycle import LifecycleError, OtpLcs
from tfm_sim.platform.otp import Otp, OtpField
from tfm_sim.platform.provisioning import DUMMY

LAYOUT = RseBundleLayout(OTP.bl1_2_code_size)
BL1_2 = DUMMY.bl1_2_image.ljust(OTP.bl1_2_code_size, b"\0")
HUK = bytes(range(100, 132))
KRTL = b"\x5a" * 32
CM_VALUES = {
    "bl1_2_image_hash": hashlib.sha256(BL1_2).digest(),
    "bl1_2_image": BL1_2,
    "dma_otp_ics": bytes(0x400),
    "guk": DUMMY.guk,
    "cca_system_properties": 1,
}
DM_VALUES = {
    "bl1_rotpk_0": DUMMY.bl1_rotpks[0],
    "bl2_encryption_key": DUMMY.bl2_encryption_key,
    "bl2_rotpk": list(DUMMY.rotpks),
    "s_image_encryption_key": bytes(32),
    "ns_image_encryption_key": bytes(32),
    "host_rotpk": [bytes(96)] * 3,
    "implementation_id": DUMMY.implementation_id,
    "verification_service_url": DUMMY.verification_service_url.ljust(32, b"\0"),
    "profile_definition": bytes(32),
    "secure_debug_pk": b"\x77" * 32,
}


def cm_bundle(krtl: bytes = bytes(32), mode: TpMode = TpMode.TCI, **changes: Any) -> bytes:
    key = provisioning_key(krtl, OtpLcs.ASSEMBLY_AND_TEST, mode)
    return LAYOUT.seal(CM_BUNDLE_MAGIC, LAYOUT.cm, {**CM_VALUES, **changes}, key, bytes(range(12)))


def dm_bundle(krtl: bytes = bytes(32), mode: TpMode = TpMode.TCI) -> bytes:
    key = provisioning_key(krtl, OtpLcs.PSA_ROT_PROVISIONING, mode)
    return LAYOUT.seal(DM_BUNDLE_MAGIC, LAYOUT.dm, DM_VALUES, key, bytes(range(12, 24)))


CM, DM = cm_bundle(), dm_bundle()


def chip(**fields: Any) -> tuple[RseChip, list[int]]:
    """A virgin chip, and the codes that it will signal."""
    made = RseChip(Otp(OTP), LAYOUT, lambda size: HUK[:size], krtl=KRTL, **fields)
    codes: list[int] = []

    def listen(event: Event) -> None:
        if isinstance(event, RseSignalled):
            codes.append(event.code)

    made.trace.listeners.append(listen)
    return made, codes


def test_a_test_chip_goes_straight_to_secure_enable() -> None:
    made, codes = chip(preloaded=(CM, DM))
    assert run_until_idle(made) is RomAction.BOOTS
    assert codes == [0x1, 0x2, 0x4, 0x7, 0x8, 0x9, 0xC, 0xD]
    assert (made.cold_resets, made.tp_mode, made.lcs) == (3, TpMode.TCI, OtpLcs.SECURED)
    assert made.otp.read(OtpField.HUK) == HUK  # its own, from the TRNG
    assert made.otp.read(OtpField.BL1_2_IMAGE) == BL1_2
    assert made.otp.read(OtpField.BL1_2_IMAGE_HASH) == hashlib.sha256(BL1_2).digest()
    assert made.otp.read(OtpField.GUK) == DUMMY.guk
    assert made.otp.read(OtpField.KEY_BL2_ENCRYPTION) == DUMMY.bl2_encryption_key
    assert made.otp.read(OtpField.BL1_ROTPK_0) == DUMMY.bl1_rotpks[0]
    assert made.otp.read(OtpField.BL2_ROTPK_1) == DUMMY.rotpks[1]
    assert made.otp.read(OtpField.SECURE_DEBUG_PK) == b"\x77" * 32


def test_a_production_chip_waits_at_each_state() -> None:
    made, codes = chip()
    assert run_rom(made, dummy_provisioning=False) is RomAction.WAITS
    assert codes[-1] == Sysctrl.VIRGIN_IDLE
    made.set_tp_mode(TpMode.PCI)
    made.cold_reset()
    assert run_rom(made) is RomAction.WAITS
    assert codes[-1] == Sysctrl.CM_IDLE
    made.load(cm_bundle(KRTL, TpMode.PCI))
    assert run_rom(made) is RomAction.COLD_RESET
    assert (made.sysctrl, made.secure_provisioning) == (Sysctrl.CM_SUCCEEDED, True)
    made.cold_reset()
    assert (made.sysctrl, made.secure_provisioning, made.vm0) == (Sysctrl.COLD_BOOT, False, b"")
    assert run_rom(made) is RomAction.WAITS
    assert codes[-1] == Sysctrl.DM_IDLE
    made.load(b"", dm_bundle(KRTL, TpMode.PCI))
    assert run_rom(made) is RomAction.COLD_RESET
    made.cold_reset()
    assert run_rom(made) is RomAction.BOOTS
    made.enter_rma()
    made.cold_reset()
    assert run_rom(made) is RomAction.WAITS
    assert codes[-1] == Sysctrl.RMA_IDLE


def test_the_rtl_key_of_a_test_chip_reads_as_zero() -> None:
    made, _ = chip(tp_mode=TpMode.TCI)
    assert made.rtl_key == bytes(32)
    assert chip(tp_mode=TpMode.PCI)[0].rtl_key == KRTL


@pytest.mark.parametrize("mode, krtl, authentic", [
    (TpMode.TCI, bytes(32), True), (TpMode.TCI, KRTL, False), (TpMode.PCI, KRTL, True), (TpMode.PCI, bytes(32), False),
])  # fmt: skip
def test_a_bundle_is_for_one_kind_of_chip(mode: TpMode, krtl: bytes, authentic: bool) -> None:
    made, _ = chip(tp_mode=mode)
    made.load(cm_bundle(krtl, mode))
    run_rom(made)
    assert made.sysctrl == (Sysctrl.CM_SUCCEEDED if authentic else Sysctrl.CM_AUTHENTICATION_FAILED)


def changed(bundle: bytes, at: int) -> bytes:
    raw = bytearray(bundle)
    raw[at] ^= 1
    return bytes(raw)


@pytest.mark.parametrize("at", [4, 0x104, len(CM) - 36, len(CM) - 30, len(CM) - 5])
def test_one_bit_of_a_bundle_and_nothing_is_burnt(at: int) -> None:
    made, codes = chip(tp_mode=TpMode.TCI)
    before = bytes(made.otp)
    made.load(changed(CM, at))
    assert run_rom(made) is RomAction.WAITS
    assert codes == [Sysctrl.CM_IDLE, Sysctrl.CM_STARTED, Sysctrl.CM_AUTHENTICATION_FAILED]
    assert bytes(made.otp) == before


@pytest.mark.parametrize("bundle", [b"", CM[:-1], changed(CM, 0), changed(CM, len(CM) - 1), DM])
def test_what_is_no_whole_bundle_is_waited_for(bundle: bytes) -> None:
    made, codes = chip(tp_mode=TpMode.TCI)
    made.load(bundle)
    assert run_rom(made) is RomAction.WAITS
    assert codes == [Sysctrl.CM_IDLE]


def test_a_dm_bundle_in_the_same_state_fails_likewise() -> None:
    made, codes = chip(tp_mode=TpMode.TCI)
    made.otp.write(OtpField.LCS, b"\1\0\0\0")
    made.load(b"", changed(DM, 200))
    assert run_rom(made) is RomAction.WAITS
    assert codes == [Sysctrl.DM_IDLE, Sysctrl.DM_STARTED, Sysctrl.DM_AUTHENTICATION_FAILED]


@pytest.mark.parametrize("lcs, code", [(0, Sysctrl.CM_OTHER_ERROR), (1, Sysctrl.DM_OTHER_ERROR)])
def test_a_field_that_is_burnt_already_is_another_error(lcs: int, code: Sysctrl) -> None:
    made, codes = chip(tp_mode=TpMode.TCI)
    made.otp.write(OtpField.LCS, bytes([lcs, 0, 0, 0]))
    for otp_field in (OtpField.GUK, OtpField.KEY_BL2_ENCRYPTION):
        made.otp.write(otp_field, b"\xff" * 32)
    made.load(CM, DM)
    assert run_rom(made) is RomAction.WAITS
    assert codes[-1] == code


@pytest.mark.parametrize("mode, wanted", [(TpMode.TCI, TpMode.PCI), (TpMode.PCI, TpMode.TCI), (TpMode.VIRGIN, TpMode.VIRGIN)])  # fmt: skip
def test_a_chip_is_for_tests_or_for_production_for_ever(mode: TpMode, wanted: TpMode) -> None:
    with pytest.raises(LifecycleError, match="legal: VIRGIN to TCI or PCI, once"):
        chip(tp_mode=mode)[0].set_tp_mode(wanted)


def test_only_a_chip_in_service_is_returned() -> None:
    with pytest.raises(LifecycleError, match="legal from here: PSA_ROT_PROVISIONING"):
        chip()[0].enter_rma()


@given(st.binary(max_size=3000), st.booleans(), st.sampled_from([0, 1, 3, 7, 15]))
def test_no_bytes_in_ram_do_anything_but_wait(data: bytes, framed: bool, lcs: int) -> None:
    made, _ = chip(tp_mode=TpMode.TCI)
    made.otp.write(OtpField.LCS, bytes([lcs, 0, 0, 0]))
    if framed:
        cm_size, dm_size = LAYOUT.size(LAYOUT.cm), LAYOUT.size(LAYOUT.dm)
        made.load(
            CM[:4] + data[: cm_size - 8].ljust(cm_size - 8, b"\0") + CM[:4],
            DM[:4] + data[: dm_size - 8].ljust(dm_size - 8, b"\0") + DM[:4],
        )
    else:
        made.load(data, data)
    assert run_rom(made) is (RomAction.BOOTS if lcs == OtpLcs.SECURED else RomAction.WAITS)
    assert made.lcs == lcs
