"""Calls of the measured boot service, with values that need no thought."""

from dataclasses import dataclass

from support.partition_bench import PartitionBench

from tfm_sim.interface.psa.crypto_values import PSA_ALG_SHA_256, PSA_ALG_SHA_384, PSA_ALG_SHA_512
from tfm_sim.interface.tfm.measured_boot import (
    Measurement,
    tfm_measured_boot_extend_measurement,
    tfm_measured_boot_read_measurement,
)

SIGNER = b"\x5a" * 32
VALUE = b"\xbb" * 32
VECTOR = "86bfbce7f88e77dab6bbfb923bb70e2411d374dc658db751c9bdec438f5cce54"
"""A first extend by 32 x 0xBB, with SHA-256."""
SHA256, SHA384, SHA512 = PSA_ALG_SHA_256, PSA_ALG_SHA_384, PSA_ALG_SHA_512


@dataclass(frozen=True)
class Extend:
    """One call of tfm_measured_boot_extend_measurement."""

    index: int = 2
    signer_id: bytes = SIGNER
    version: bytes = b"1.2.3+4"
    algo: int = SHA256
    sw_type: bytes = b"AP_BL1"
    value: bytes = VALUE
    lock: bool = False


def extend(device: PartitionBench, call: Extend) -> int:
    return tfm_measured_boot_extend_measurement(
        device.ns, call.index, call.signer_id, call.version, call.algo, call.sw_type, call.value, call.lock
    )


def read(device: PartitionBench, index: int = 2) -> Measurement | None:
    return tfm_measured_boot_read_measurement(device.ns, index)[1]
