"""The FF-M partition API as a partition's program sees it (FF-M 1.1, psa/service.h).

A partition is a class. The SPM makes one object of it at each power-on and hands it this API; its
attributes are the partition's static data and die with the reset. Its methods carry the symbols that the
manifest names: ``entry_init`` (``def f(self) -> int``), ``entry_point`` (``def f(self) -> None``), and for
the SFN model one ``<service name in lower case>_sfn(self, msg) -> int`` a service.
"""

from typing import Any, NoReturn, Protocol

from ..interface.cpu import Cpu
from ..interface.psa.client import PSA_MAX_IOVEC, PsaClient
from ..interface.psa.service import psa_msg_t
from ..platform.hal import PlatformHal


class PartitionApi(PsaClient, Protocol):
    """What the SPM offers to one partition; every misuse is a PROGRAMMER ERROR and resets the device."""

    @property
    def partition_id(self) -> int:
        """This partition's id, positive."""

    @property
    def hal(self) -> PlatformHal:
        """The platform functions that manifest and board grant to this partition, and no others."""

    def psa_wait(self, signal_mask: int, timeout: int) -> int:
        """The asserted signals within ``signal_mask``; blocks for one unless ``timeout`` is PSA_POLL."""

    @property
    def cpu(self) -> Cpu:
        """The partition's own loads and stores at simulated addresses."""

    def psa_get(self, signal: int, msg: psa_msg_t | int) -> int:
        """Fetch the oldest message of the RoT Service behind ``signal`` into ``msg``.

        An integer is the address of a psa_msg_t in the partition's memory (48 bytes, little endian).
        """

    def psa_set_rhandle(self, msg_handle: int, rhandle: Any) -> int:
        """Keep ``rhandle`` with the connection; later messages of it carry it."""

    def psa_read(
        self, msg_handle: int, invec_idx: int, buffer: int | bytearray | memoryview, num_bytes: int
    ) -> int:
        """Copy up to ``num_bytes`` of an input vector into ``buffer``; returns the bytes copied."""

    def psa_skip(self, msg_handle: int, invec_idx: int, num_bytes: int) -> int:
        """Pass over up to ``num_bytes`` of an input vector; returns the bytes skipped."""

    def psa_write(
        self,
        msg_handle: int,
        outvec_idx: int,
        buffer: int | bytes | bytearray | memoryview,
        num_bytes: int | None = None,
    ) -> int:
        """Append ``num_bytes`` of ``buffer`` (all of it when left out) to an output vector."""

    def psa_reply(self, msg_handle: int, status: int) -> int:
        """Answer a message; its handle is dead afterwards."""

    def psa_map_invec(self, msg_handle: int, invec_idx: int) -> memoryview:
        """An input vector in place, read-only, until it is unmapped or the message replied to."""

    def psa_unmap_invec(self, msg_handle: int, invec_idx: int) -> int:
        """Give the pointer back."""

    def psa_map_outvec(self, msg_handle: int, outvec_idx: int) -> memoryview:
        """An output vector in place, until it is unmapped or the message replied to."""

    def psa_unmap_outvec(self, msg_handle: int, outvec_idx: int, length: int) -> int:
        """Give the pointer back; ``length`` bytes count as written."""

    def psa_irq_enable(self, irq_signal: int) -> int:
        """Let an own interrupt's line interrupt."""

    def psa_irq_disable(self, irq_signal: int) -> int:
        """Mask an own interrupt's line; 1 when it was enabled before, else 0."""

    def psa_eoi(self, irq_signal: int) -> int:
        """The interrupt, handled at second level, is dealt with: clear its signal and unmask the line."""

    def psa_reset_signal(self, irq_signal: int) -> int:
        """Clear the signal that a first-level handler asked for."""

    def agent_psa_connect(self, sid: int, version: int, ns_client_id: int, client_data: int) -> int:
        """TF-M, for an NS agent: psa_connect for a client of another core. It does not block.

        ``ns_client_id`` is of the agent's range; of another it is refused with INVALID_ARGUMENT. Else
        PSA_SUCCESS: the answer, be it the SPM's or the service's, comes with ASYNC_MSG_REPLY, and psa_get of
        that signal gives the oldest one, ``client_data`` as rhandle and the value as type. ``client_data`` is
        a number from 1 up, for a 0 in an rhandle is NULL.
        """

    def agent_psa_call(
        self,
        handle: int,
        type_: int,
        in_vec: tuple[int, int],
        out_vec: tuple[int, int],
        ns_client_id: int,
        client_data: int,
    ) -> int:
        """The same for psa_call; an array of vectors is the address and the number of its descriptors."""

    def agent_psa_close(self, handle: int, ns_client_id: int, client_data: int) -> int:
        """The same for psa_close."""

    def psa_notify(self, partition_id: int) -> int:
        """Set PSA_DOORBELL of another partition."""

    def psa_clear(self) -> int:
        """Clear the own PSA_DOORBELL."""

    def psa_panic(self) -> NoReturn:
        """Give up: the device resets."""

    def psa_rot_lifecycle_state(self) -> int:
        """The lifecycle state: architected in bits 15-8, implementation defined in bits 7-0."""

    def tfm_core_get_boot_data(self, major: int, size: int) -> tuple[int, bytes]:
        """TF-M tfm_core_get_boot_data: the boot status of one major, as (status, ``size`` bytes at most).

        Legal for the partition that the major belongs to; the area has a header of its own.
        """

    def tfm_core_memory_permission_check(self, msg_handle: int, address: int, size: int, access: int) -> int:
        """TF-M of 2019: whether a range that a client names is a buffer of its own; a TfmStatus.

        TFM_SUCCESS where the client of the message and this partition may both read all of it (for
        TfmMemoryAccess.RW write), and it lies in RAM, or in code where it is only read; an empty range never.
        The message handle tells who the client is: the library model's SPM knew the one caller that it had.
        """


def vector_count(sizes: tuple[int, int, int, int]) -> int:
    """How many vectors a message's ``in_size`` or ``out_size`` has: trailing empty ones do not count."""
    if not (sizes[2] or sizes[3]):
        return 2 if sizes[1] else 1 if sizes[0] else 0
    return PSA_MAX_IOVEC if sizes[3] else 3


def read_all(psa: PartitionApi, msg: psa_msg_t, invec_idx: int) -> bytes:
    """What is left of an input vector, at most the size that the message announced."""
    size = msg.in_size[invec_idx]
    if not size:
        return b""
    buffer = bytearray(size)
    read = psa.psa_read(msg.handle, invec_idx, buffer, size)
    return bytes(buffer) if read == size else bytes(buffer[:read])
