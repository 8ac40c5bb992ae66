"""OTP: TF-M's layout byte for byte, and bits that only rise."""

import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tfm_sim.platform.nv_counters import NvCounter, NvCounters
from tfm_sim.platform.otp import Otp, OtpError, OtpField, OtpLayout
from tfm_sim.platform.plat_err import TfmPlatErr
from tfm_sim.platform.provisioning import DUMMY, DUMMY_ROTPKS, provisioned_otp

RECORDING = Path(__file__).parent.parent / "data" / "recordings" / "tfm-2.2.2.json"


def recorded_fields() -> list[dict[str, str | int]]:
    recording = json.loads(RECORDING.read_text())
    fields: list[dict[str, str | int]] = recording["variants"]["bench_l1"]["otp_flash_area"]["fields"]
    return fields


RECORDED = b"".join(bytes.fromhex(str(field["hex"])) for field in recorded_fields())


@pytest.mark.parametrize("field", recorded_fields()[1:-1], ids=lambda field: str(field["name"]))
def test_fields_lie_where_the_recorded_firmware_has_them(field: dict[str, str | int]) -> None:
    name = str(field["name"]).upper().replace("BL2_NV_COUNTER", "NV_COUNTER_BL2")
    assert OtpLayout().fields[OtpField[name]] == (field["offset"], field["len"])


def test_the_dummy_device_equals_the_recorded_dump_byte_for_byte() -> None:
    otp = provisioned_otp(replace(DUMMY, rotpks=DUMMY_ROTPKS["EC-P256 builtin"]))
    counters = NvCounters(otp)
    for counter in (NvCounter.PS_0, NvCounter.PS_1, NvCounter.PS_2):
        counters.increment(counter)  # protected storage does so when it creates its first object table
    assert bytes(otp)[: len(RECORDED)] == RECORDED
    assert bytes(otp)[len(RECORDED) :] == b"\xff" * (0x1000 - len(RECORDED))


def test_a_recorded_dump_reads_back() -> None:
    otp = Otp.from_bytes(RECORDED)
    assert otp.read(OtpField.BOOT_SEED) == bytes(range(0xA0, 0xC0))
    assert otp.read(OtpField.LCS) == b"\x03\0\0\0"
    assert NvCounters(otp).read(NvCounter.PS_1) == 1
    assert otp.swap_count == 0x13
    assert bytes(otp) == RECORDED


@pytest.mark.parametrize(
    "layout, field, place, size",
    [
        (OtpLayout(), OtpField.ENTROPY_SEED, 800, 912),
        (OtpLayout(rotpk_size=32), OtpField.BL2_ROTPK_1, 304, 768),
        (OtpLayout(rotpk_size=32), OtpField.BL2_ROTPK_2, 592, 768),
        (OtpLayout(rotpk_size=100), OtpField.NV_COUNTER_BL2_0, 472, 1040),
        (OtpLayout(bl1=True), OtpField.BL1_ROTPK_0, 800, 960),
        (OtpLayout(bl1=True), OtpField.NV_COUNTER_BL1_0, 832, 960),
        (OtpLayout(bl1=True, ns_counters=3), OtpField.NV_COUNTER_NS_2, 976, 1152),
        (OtpLayout(ns_counters=1), OtpField.NV_COUNTER_NS_0, 800, 976),
    ],
)
def test_build_options_move_the_fields(layout: OtpLayout, field: OtpField, place: int, size: int) -> None:
    assert layout.fields[field][0] == place
    assert layout.size == size


@pytest.mark.parametrize(
    "before, write, after, reason",
    [
        (b"", b"\x01\0\0\0", b"\x01\0\0\0", None),
        (b"\x01\0\0\0", b"\x03\0\0\0", b"\x03\0\0\0", None),
        (b"\x03\0\0\0", b"\x03\0\0\0", b"\x03\0\0\0", None),
        (b"\x03\0\0\0", b"\x07", b"\x07\0\0\0", None),
        (b"\x03\0\0\0", b"", b"\x03\0\0\0", None),
        (b"\x03\0\0\0", b"\x01\0\0\0", b"\x03\0\0\0", TfmPlatErr.INVALID_INPUT),
        (b"\x03\0\0\0", b"\0\0\0\0", b"\x03\0\0\0", TfmPlatErr.INVALID_INPUT),
        (b"\0\0\0\x80", b"\xff\xff\xff\x7f", b"\0\0\0\x80", TfmPlatErr.INVALID_INPUT),
        (b"\x03\0\0\0", b"\x07\0\0\0\0", b"\x03\0\0\0", TfmPlatErr.INVALID_INPUT),
    ],
)
def test_bits_only_rise_and_a_refused_write_changes_nothing(
    before: bytes, write: bytes, after: bytes, reason: TfmPlatErr | None
) -> None:
    otp = Otp()
    otp.write(OtpField.LCS, before)
    raw = bytes(otp)
    if reason is None:
        otp.write(OtpField.LCS, write)
    else:
        with pytest.raises(OtpError) as caught:
            otp.write(OtpField.LCS, write)
        assert caught.value.reason is reason
        assert bytes(otp) == raw
    assert otp.read(OtpField.LCS) == after


@pytest.mark.parametrize("length, wanted", [(None, 32), (0, 0), (8, 8), (32, 32), (64, 32)])
def test_read_gives_the_smaller_of_field_and_buffer(length: int | None, wanted: int) -> None:
    otp = provisioned_otp(DUMMY)
    assert otp.read(OtpField.HUK, length) == (bytes(range(16)) * 2)[:wanted]


@pytest.mark.parametrize("field", [OtpField.GUK, OtpField.BL1_ROTPK_0, OtpField.NV_COUNTER_NS_0])
def test_fields_that_the_build_lacks_are_unsupported(field: OtpField) -> None:
    otp = Otp()
    for access in (partial(otp.read, field), partial(otp.write, field, b"\1"), partial(otp.size_of, field)):
        with pytest.raises(OtpError) as caught:
            access()
        assert caught.value.reason is TfmPlatErr.UNSUPPORTED


@pytest.mark.parametrize(
    "raw, message",
    [
        (b"", "0 bytes; legal: at least 912"),
        (RECORDED[:911], "911 bytes; legal: at least 912"),
        (b"\0" * 912, "begins with 0x00000000; legal: the init word 0xc0de8112"),
        (b"\xff" * 4096, "begins with 0xffffffff"),
    ],
)
def test_a_dump_that_is_none_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(OtpError, match=message):
        Otp.from_bytes(raw)


def test_each_write_is_counted_and_the_count_never_looks_erased() -> None:
    raw = bytearray(RECORDED)
    raw[908:912] = (0xFFFFFFFE).to_bytes(4, "little")
    otp = Otp.from_bytes(bytes(raw))
    otp.write(OtpField.IAK_ID, b"kid")
    assert otp.swap_count == 1
    otp.write(OtpField.IAK_ID, b"kid")
    assert otp.swap_count == 2


class OtpMachine(RuleBasedStateMachine):
    """No sequence of writes makes a bit fall, and a field never touches its neighbours."""

    FIELDS = (OtpField.IAK_LEN, OtpField.IAK_TYPE, OtpField.LCS)

    def __init__(self) -> None:
        super().__init__()
        self.otp = Otp()
        self.model = {field: bytes(4) for field in self.FIELDS}

    @rule(
        field=st.sampled_from(FIELDS),
        data=st.one_of(st.binary(max_size=5), st.sampled_from([b"\1", b"\3", b"\7"])),
    )
    def write(self, field: OtpField, data: bytes) -> None:
        old = self.model[field]
        if len(data) <= 4 and all(b | d == d for b, d in zip(old, data, strict=False)):
            self.otp.write(field, data)
            self.model[field] = data + old[len(data) :]
        else:
            with pytest.raises(OtpError):
                self.otp.write(field, data)

    @invariant()
    def same_bytes(self) -> None:
        assert {field: self.otp.read(field) for field in self.FIELDS} == self.model


TestOtpMachine = OtpMachine.TestCase
TestOtpMachine.settings = settings(max_examples=40, stateful_step_count=20, deadline=None)
