"""How the PSA Firmware Update API packs its requests, and what its structures look like in memory."""

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.psa import firmware_update as fwu
from tfm_sim.interface.psa.client import InVec, PsaClient, psa_invec, psa_outvec
from tfm_sim.interface.psa.firmware_update import (
    FirmwareUpdate,
    PsaFwuFlag,
    PsaFwuState,
    psa_fwu_component_info_t,
    psa_fwu_image_version_t,
    psa_fwu_impl_info_t,
)
from tfm_sim.interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PsaError, PsaStatus

HANDLE = 0x40000104
INFO = psa_fwu_component_info_t(
    PsaFwuState.REJECTED,
    -5,
    psa_fwu_image_version_t(1, 2, 0x304, 0x5060708),
    0x80000,
    PsaFwuFlag.VOLATILE_STAGING,
    2,
    psa_fwu_impl_info_t(bytes(range(32))),
)
INFO_BYTES = bytes.fromhex(
    "06000000 fbffffff 01020403 08070605 00000800 01000000 02000000" + bytes(range(32)).hex()
)
Request = tuple[int, int, list[bytes], list[int]]


class Recorder:
    """Keeps what is called, answers ``status`` and fills the first output vector."""

    def __init__(self, status: int = 0, output: bytes = b"") -> None:
        self.status = status
        self.output = output
        self.requests: list[Request] = []

    def psa_call(
        self, handle: int, type_: int, in_vec: Sequence[InVec] = (), out_vec: Sequence[psa_outvec] = ()
    ) -> int:
        inputs = [bytes(item) for item in in_vec if not isinstance(item, psa_invec)]
        rooms = []
        for item in out_vec:
            assert isinstance(item.base, bytearray)
            rooms.append(len(item.base))
            item.base[: len(self.output)] = self.output
        self.requests.append((handle, type_, inputs, rooms))
        return self.status

    def psa_framework_version(self) -> int:
        return 0x0101

    def psa_version(self, sid: int) -> int:
        return 1

    def psa_connect(self, sid: int, version: int) -> int:
        return self.status

    def psa_close(self, handle: int) -> None: ...


@pytest.mark.parametrize(
    ("call", "type_", "inputs", "rooms"),
    [
        (lambda c: fwu.psa_fwu_start(c, 1), 1001, [b"\1", b""], []),
        (lambda c: fwu.psa_fwu_start(c, 1, b"manifest"), 1001, [b"\1", b"manifest"], []),
        (lambda c: fwu.psa_fwu_write(c, 1, 0x400, b"block"), 1002, [b"\1", b"\0\4\0\0", b"block"], []),
        (lambda c: fwu.psa_fwu_write(c, 1, 2**32 - 1, b""), 1002, [b"\1", b"\xff\xff\xff\xff", b""], []),
        (lambda c: fwu.psa_fwu_finish(c, 1), 1003, [b"\1"], []),
        (lambda c: fwu.psa_fwu_cancel(c, 1), 1004, [b"\1"], []),
        (fwu.psa_fwu_install, 1005, [], []),
        (lambda c: fwu.psa_fwu_clean(c, 1), 1006, [b"\1"], []),
        (lambda c: fwu.psa_fwu_reject(c, -2), 1007, [b"\xfe\xff\xff\xff"], []),
        (fwu.psa_fwu_request_reboot, 1008, [], []),
        (fwu.psa_fwu_accept, 1009, [], []),
        (lambda c: fwu.psa_fwu_query(c, 255)[0], 1010, [b"\xff"], [60]),
        (lambda c: fwu.psa_fwu_finish(c, 256), 1003, [b"\0"], []),
    ],
)
def test_requests(
    call: Callable[[PsaClient], int], type_: int, inputs: list[bytes], rooms: list[int]
) -> None:
    client = Recorder(status=-137)
    assert call(client) == -137
    assert client.requests == [(HANDLE, type_, inputs, rooms)]


@pytest.mark.parametrize("offset", [-1, 2**32])
def test_an_offset_past_32_bits_never_leaves_the_client(offset: int) -> None:
    client = Recorder()
    assert fwu.psa_fwu_write(client, 0, offset, b"block") == PSA_ERROR_INVALID_ARGUMENT
    assert not client.requests


def test_component_info_is_the_c_structure() -> None:
    assert INFO.encode() == INFO_BYTES
    assert psa_fwu_component_info_t.decode(INFO_BYTES) == INFO
    assert fwu.psa_fwu_query(Recorder(0, INFO_BYTES), 0) == (0, INFO)
    assert fwu.psa_fwu_query(Recorder(-140, INFO_BYTES), 0) == (-140, None)


@given(st.one_of(st.binary(max_size=80), st.binary(min_size=60, max_size=60)))
def test_any_bytes_are_info_or_a_value_error(data: bytes) -> None:
    try:
        info = psa_fwu_component_info_t.decode(data)
    except ValueError:
        assert len(data) != 60 or data[0] > 7
    else:
        assert info.encode() == data[:1] + bytes(3) + data[4:]


def test_constants() -> None:
    assert [state.value for state in PsaFwuState] == list(range(8))
    assert (fwu.PSA_SUCCESS_REBOOT, fwu.PSA_SUCCESS_RESTART) == (1, 2)
    assert (fwu.PSA_FWU_API_VERSION_MAJOR, fwu.PSA_FWU_API_VERSION_MINOR) == (1, 0)
    named = {"DEPENDENCY_NEEDED": -156, "FLASH_ABUSE": -160, "INSUFFICIENT_POWER": -161}
    for name, value in named.items():
        assert PsaStatus[f"PSA_ERROR_{name}"] == value


def test_the_layer_for_python_raises_what_is_negative_and_returns_the_rest() -> None:
    assert FirmwareUpdate(Recorder(1)).install() == fwu.PSA_SUCCESS_REBOOT
    assert FirmwareUpdate(Recorder(2)).reject() == fwu.PSA_SUCCESS_RESTART
    assert FirmwareUpdate(Recorder(0, INFO_BYTES)).query(0) == INFO
    refused = FirmwareUpdate(Recorder(-156))
    for call, name in (
        (lambda: refused.query(0), "query"),
        (lambda: refused.start(0), "start"),
        (lambda: refused.write(0, 0, b"x"), "write"),
        (lambda: refused.finish(0), "finish"),
        (lambda: refused.cancel(0), "cancel"),
        (lambda: refused.clean(0), "clean"),
        (refused.install, "install"),
        (refused.request_reboot, "request_reboot"),
        (refused.reject, "reject"),
        (refused.accept, "accept"),
    ):
        with pytest.raises(PsaError, match=rf"^psa_fwu_{name}: PSA_ERROR_DEPENDENCY_NEEDED \(-156\)$"):
            call()


def test_stage_is_start_blocks_of_the_largest_size_and_finish() -> None:
    client = Recorder()
    FirmwareUpdate(client).stage(1, bytes(2500))
    assert [(type_, inputs[1:]) for _, type_, inputs, _ in client.requests] == [
        (1001, [b""]),
        (1002, [b"\0\0\0\0", bytes(1024)]),
        (1002, [b"\0\4\0\0", bytes(1024)]),
        (1002, [b"\0\x08\0\0", bytes(452)]),
        (1003, []),
    ]
