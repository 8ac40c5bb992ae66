"""tfm_core_memory_permission_check: what a service hears of a buffer that its client named by address."""

import pytest
from support.kernel_bench import SfnEcho, a_manifest, a_service, start_bench

from tfm_sim.interface.psa.service import psa_msg_t
from tfm_sim.interface.tfm.library_model import TfmMemoryAccess, TfmStatus
from tfm_sim.spm.panic import DevicePanic

RO, RW = TfmMemoryAccess.RO, TfmMemoryAccess.RW
OK, NO = TfmStatus.TFM_SUCCESS, TfmStatus.TFM_ERROR_INVALID_PARAMETER
NS_RAM, NS_CODE, SECURE_RAM, SECURE_CODE, MMIO = 0x28100000, 0x00100000, 0x38000000, 0x10080000, 0x40000000


class Asking(SfnEcho):
    """Asks for the range in its message: address, size, access."""

    def answer(self, msg: psa_msg_t) -> int:
        data = bytearray(12)
        self.psa.psa_read(msg.handle, 0, data, 12)
        address, size, access = (int.from_bytes(data[at : at + 4], "little") for at in (0, 4, 8))
        handle = msg.handle if msg.type == 1 else msg.handle + 1
        return self.psa.tfm_core_memory_permission_check(handle, address, size, access)


MANIFEST = a_manifest(
    "ASKING",
    [a_service("ASKED", 0x1000, connection_based=False, stateless_handle=1)],
    "SFN",
)
HANDLE = 0x40000100


def ask(address: int, size: int, access: int, type_: int = 1) -> int:
    bench = start_bench((MANIFEST, Asking))
    request = b"".join(n.to_bytes(4, "little") for n in (address, size, access))
    return bench.ns.psa_call(HANDLE, type_, [request])


@pytest.mark.parametrize(
    ("address", "size", "access", "answer"),
    [
        (NS_RAM, 1, RO, OK),
        (NS_RAM, 0x100, RW, OK),
        (NS_RAM, 0, RO, NO),  # an empty range never
        (0, 0, RW, NO),
        (0, 1, RO, NO),
        (NS_CODE, 16, RO, OK),
        (SECURE_RAM, 1, RO, NO),  # not the client's, though the partition could
        (SECURE_CODE, 1, RO, NO),
        (MMIO, 4, RO, NO),
        (MMIO, 4, RW, NO),
        (0xFFFFFFFF, 0xFFFFFFFF, RW, NO),
        (NS_RAM, 0xFFFFFFFF, RO, NO),
    ],
)
def test_ranges_of_a_non_secure_client(address: int, size: int, access: int, answer: int) -> None:
    assert ask(address, size, access) == answer


def test_a_message_that_is_not_the_partitions() -> None:
    with pytest.raises(DevicePanic, match="a message handle of the partition's own"):
        ask(NS_RAM, 1, RO, type_=2)
