"""PSA Storage API 1.0, client side: what TF-M's client library packs, and what it answers by itself."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from tfm_sim.interface.psa.client import InVec, psa_invec, psa_outvec
from tfm_sim.interface.psa.internal_trusted_storage import (
    InternalTrustedStorage,
    psa_its_get,
    psa_its_get_info,
    psa_its_remove,
    psa_its_set,
)
from tfm_sim.interface.psa.protected_storage import (
    ProtectedStorage,
    psa_ps_create,
    psa_ps_get,
    psa_ps_get_info,
    psa_ps_get_support,
    psa_ps_remove,
    psa_ps_set,
    psa_ps_set_extended,
)
from tfm_sim.interface.psa.status import (
    PSA_ERROR_DOES_NOT_EXIST,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
    PsaError,
)
from tfm_sim.interface.psa.storage_common import PsaStorageFlag, psa_storage_info_t

ITS, PS = 0x40000102, 0x40000101
UID = 0x1122334455667788
UID_BYTES = bytes.fromhex("8877665544332211")


@dataclass
class Recorder:
    """A client whose service answers the same every time."""

    answer: bytes = b""
    status: int = PSA_SUCCESS
    calls: list[tuple[int, int, list[bytes], list[int]]] = field(default_factory=list)

    def psa_framework_version(self) -> int:
        return 0x0101

    def psa_version(self, sid: int) -> int:
        return 1

    def psa_connect(self, sid: int, version: int) -> int:
        return 1

    def psa_close(self, handle: int) -> None:
        pass

    def psa_call(
        self, handle: int, type_: int, in_vec: Sequence[InVec] = (), out_vec: Sequence[psa_outvec] = ()
    ) -> int:
        sent = []
        for vector in in_vec:
            assert not isinstance(vector, psa_invec)
            sent.append(bytes(vector))
        rooms = []
        for out in out_vec:
            assert isinstance(out.base, bytearray)
            rooms.append(len(out.base))
            written = self.answer[: len(out.base)] if self.status == PSA_SUCCESS else b""
            out.base[: len(written)] = written
            out.len = len(written)
        self.calls.append((handle, type_, sent, rooms))
        return self.status


def test_tfm_vectors_of_its() -> None:
    """TF-M tfm_its_api.c: handle, type, inputs and rooms of the outputs."""
    client = Recorder(b"answer, of 12 bytes and more")
    psa_its_set(client, UID, b"data", 0x7)
    psa_its_get(client, UID, 3, 6)
    psa_its_get_info(client, UID)
    psa_its_remove(client, UID)
    assert client.calls == [
        (ITS, 1001, [UID_BYTES, b"data", b"\7\0\0\0"], []),
        (ITS, 1002, [UID_BYTES, b"\3\0\0\0"], [6]),
        (ITS, 1003, [UID_BYTES], [12]),
        (ITS, 1004, [UID_BYTES], []),
    ]


def test_tfm_vectors_of_ps() -> None:
    """TF-M tfm_ps_api.c; the last two types are this model's own."""
    client = Recorder(b"answer, of 12 bytes and more")
    psa_ps_set(client, UID, b"data", 0x7)
    psa_ps_get(client, UID, 3, 6)
    psa_ps_get_info(client, UID)
    psa_ps_remove(client, UID)
    psa_ps_get_support(client)
    psa_ps_create(client, UID, 0x102, 0x2)
    psa_ps_set_extended(client, UID, 0x102, b"more")
    assert client.calls == [
        (PS, 1001, [UID_BYTES, b"data", b"\7\0\0\0"], []),
        (PS, 1002, [UID_BYTES, b"\3\0\0\0"], [6]),
        (PS, 1003, [UID_BYTES], [12]),
        (PS, 1004, [UID_BYTES], []),
        (PS, 1005, [], [4]),
        (PS, 1006, [UID_BYTES, b"\2\1\0\0", b"\2\0\0\0"], []),
        (PS, 1007, [UID_BYTES, b"\2\1\0\0", b"more"], []),
    ]


@pytest.mark.parametrize("offset", [-1, 1 << 32, 1 << 64])
def test_an_offset_beyond_32_bits_never_leaves_the_client(offset: int) -> None:
    """TF-M psa_its_get, psa_ps_get: SIZE_MAX > ROT_SIZE_MAX."""
    client = Recorder()
    assert psa_its_get(client, 1, offset, 1) == (PSA_ERROR_INVALID_ARGUMENT, b"")
    assert psa_ps_get(client, 1, offset, 1) == (PSA_ERROR_INVALID_ARGUMENT, b"")
    assert psa_ps_create(client, 1, offset, 0) == PSA_ERROR_INVALID_ARGUMENT
    assert psa_ps_set_extended(client, 1, offset, b"") == PSA_ERROR_INVALID_ARGUMENT
    assert client.calls == []


def test_get_answers_the_bytes_that_were_written() -> None:
    """PSA Storage 1.0 psa_its_get: p_data_length is what was placed in p_data."""
    assert psa_its_get(Recorder(b"abc"), 1, 0, 10) == (PSA_SUCCESS, b"abc")
    assert psa_its_get(Recorder(b"abc", PSA_ERROR_DOES_NOT_EXIST), 1, 0, 10) == (
        PSA_ERROR_DOES_NOT_EXIST,
        b"",
    )


def test_info() -> None:
    """psa_storage_info_t: capacity, size, flags, 32 bits each, little endian."""
    encoded = bytes.fromhex("00020000 05000000 03000000")
    info = psa_storage_info_t(0x200, 5, PsaStorageFlag.WRITE_ONCE | PsaStorageFlag.NO_CONFIDENTIALITY)
    assert psa_its_get_info(Recorder(encoded), 1) == (PSA_SUCCESS, info)
    assert info.encode() == encoded
    assert psa_its_get_info(Recorder(encoded, -1), 1) == (-1, psa_storage_info_t())
    with pytest.raises(ValueError, match="11 bytes; legal: 12"):
        psa_storage_info_t.decode(encoded[:-1])


def test_support_of_a_service_that_cannot_be_asked() -> None:
    """PSA Storage 1.0 psa_ps_get_support: it has no error to answer."""
    assert psa_ps_get_support(Recorder(b"\1\0\0\0")) == 1
    assert psa_ps_get_support(Recorder(b"\1\0\0\0", PSA_ERROR_NOT_SUPPORTED)) == 0


def test_python_callers_get_values_and_errors() -> None:
    its, ps = InternalTrustedStorage(Recorder(b"abc")), ProtectedStorage(Recorder(b"abc"))
    assert its.get(1, size=9) == ps.get(1, size=9) == b"abc"
    refused = Recorder(status=PSA_ERROR_DOES_NOT_EXIST)
    for call in (InternalTrustedStorage(refused).get, ProtectedStorage(refused).remove):
        with pytest.raises(PsaError, match="PSA_ERROR_DOES_NOT_EXIST"):
            call(1)
