"""FF-M Secure Partition types and constants (FF-M 1.1, psa/service.h)."""

from dataclasses import dataclass
from typing import Any, Final

PSA_POLL: Final = 0x00000000
PSA_BLOCK: Final = 0x80000000
PSA_WAIT_ANY: Final = 0xFFFFFFFF
PSA_DOORBELL: Final = 0x00000008
PSA_IPC_CONNECT: Final = -1
PSA_IPC_DISCONNECT: Final = -2
PSA_FLIH_NO_SIGNAL: Final = 0
PSA_FLIH_SIGNAL: Final = 1


@dataclass(slots=True)
class psa_msg_t:
    """A message as ``psa_get`` delivers it: a copy, so that a partition cannot alter the SPM's own.

    ``type`` is PSA_IPC_CONNECT, PSA_IPC_DISCONNECT or what the client passed to ``psa_call``;
    ``client_id`` is negative for the non-secure side and a partition id otherwise; sizes are in bytes.
    """

    type: int = 0
    handle: int = 0
    client_id: int = 0
    rhandle: Any = None
    in_size: tuple[int, int, int, int] = (0, 0, 0, 0)
    out_size: tuple[int, int, int, int] = (0, 0, 0, 0)
