"""Delegated keys computed apart from the device, and calls with values that need no thought.

HKDF, SP 800-108 and the choice of the scalar are written here from RFC 5869, NIST SP 800-108r1 and the PSA
Crypto API; of the product nothing is used but the client functions.
"""

import hashlib
import hmac
from collections.abc import Sequence

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers import algorithms
from cryptography.hazmat.primitives.cmac import CMAC
from support.kernel_bench import a_manifest, a_service, parsed

from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_values import PSA_ALG_SHA_256, PSA_ECC_FAMILY_SECP_R1
from tfm_sim.interface.psa.service import psa_msg_t
from tfm_sim.interface.psa.status import PSA_ERROR_NOT_SUPPORTED
from tfm_sim.interface.tfm.delegated_attestation import (
    tfm_delegated_attest_get_delegated_key,
    tfm_delegated_attest_get_token,
)
from tfm_sim.interface.tfm.measured_boot import Measurement, tfm_measured_boot_read_measurement
from tfm_sim.spm.load import PartitionBuild
from tfm_sim.spm.partition_api import PartitionApi

R1 = PSA_ECC_FAMILY_SECP_R1
ROOM = 0x800
CLIENT_277 = (277).to_bytes(4, "little")
CURVES: dict[int, ec.EllipticCurve] = {256: ec.SECP256R1(), 384: ec.SECP384R1(), 521: ec.SECP521R1()}
ORDERS = {
    256: 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    384: int("F" * 48 + "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973", 16),
    521: int(
        "01FF" + "F" * 62 + "FA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409",
        16,
    ),
}
HASHES = {0x02000009: "sha256", 0x0200000A: "sha384", 0x0200000B: "sha512"}
HASH_NAMES = {0x02000009: "sha-256", 0x0200000A: "sha-384", 0x0200000B: "sha-512"}

SECURE_CALLER = 0x1100
"""Id of a partition that depends on delegated attestation."""


class SecureCaller:
    """A partition in whose name tests call."""

    def __init__(self, psa: PartitionApi, config: object = None) -> None: ...

    def a_secure_caller_sfn(self, msg: psa_msg_t) -> int:
        return PSA_ERROR_NOT_SUPPORTED


def secure_caller() -> PartitionBuild:
    service = a_service("A_SECURE_CALLER", 0xF000F000, connection_based=False, version_policy="STRICT")
    needs = "[TFM_DELEGATED_ATTESTATION, TFM_MEASURED_BOOT, TFM_CRYPTO]"
    text = a_manifest("A_SECURE_CALLER", [service], model="SFN", dependencies=needs)
    return PartitionBuild(parsed(text, "secure caller"), SECURE_CALLER, SecureCaller)


def get_key(client: PsaClient, bits: int = 384, hash_alg: int = PSA_ALG_SHA_256) -> tuple[int, bytes]:
    """(status, scalar) in a buffer that is large enough for all."""
    return tfm_delegated_attest_get_delegated_key(client, R1, bits, 66, hash_alg)


def get_token(client: PsaClient, public_hash: bytes, room: int = ROOM) -> tuple[int, bytes]:
    return tfm_delegated_attest_get_token(client, public_hash, room)


def private_key(scalar: bytes, bits: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(int.from_bytes(scalar, "big"), CURVES[bits])


def cose_key(scalar: bytes, bits: int) -> bytes:
    """The COSE_Key of the public half, as a token carries it."""
    public, width = private_key(scalar, bits).public_key().public_numbers(), (bits + 7) // 8
    x, y = (value.to_bytes(width, "big") for value in (public.x, public.y))
    return cbor2.dumps({1: 2, -1: {256: 1, 384: 2, 521: 3}[bits], -2: x, -3: y})


def public_hash(scalar: bytes, bits: int = 384, name: str = "sha256") -> bytes:
    return hashlib.new(name, cose_key(scalar, bits)).digest()


def hkdf(secret: bytes, info: bytes, length: int) -> bytes:
    """RFC 5869 with SHA-256 and no salt, which is a salt of 32 zeros."""
    key = hmac.digest(bytes(32), secret, "sha256")
    stream = block = b""
    for counter in range(1, 256):
        if len(stream) >= length:
            break
        block = hmac.digest(key, block + info + bytes([counter]), "sha256")
        stream += block
    return stream[:length]


def boot_state(measurements: Sequence[Measurement]) -> bytes:
    """The info of the derivation: an array of maps, in the order given."""
    return cbor2.dumps(
        [
            {
                5: m.signer_id,
                4: m.version.decode(),
                1: m.sw_type.decode(),
                6: HASH_NAMES[m.measurement_algo],
                2: m.measurement_value,
            }
            for m in measurements
        ]
    )


def slots_of(client: PsaClient) -> list[Measurement]:
    found = (tfm_measured_boot_read_measurement(client, slot)[1] for slot in range(32))
    return [measurement for measurement in found if measurement is not None]


def scalar_of(seed: bytes, info: bytes, bits: int) -> bytes:
    """The scalar of a delegated key from the builtin seed.

    TF-M's key loader gives each client but the crypto partition a sub-key of its own; then PSA Crypto,
    psa_key_derivation_output_key: as many bytes as the order has, its bits and no more, k up to n - 2, k + 1.
    """
    secret, width, order = hkdf(seed, CLIENT_277, len(seed)), (bits + 7) // 8, ORDERS[bits]
    stream = hkdf(secret, info, 8 * width)
    for at in range(0, len(stream), width):
        k = int.from_bytes(stream[at : at + width], "big") & ((1 << bits) - 1)
        if k <= order - 2:
            return (k + 1).to_bytes(width, "big")
    raise AssertionError("no scalar in eight draws")


def seed_of_huk(huk: bytes) -> bytes:
    """On a board without an RSE's BL1."""
    return hkdf(huk, b"DAK_SEED", 32)


def sp800_108_cmac(key: bytes, label: bytes, context: bytes) -> bytes:
    """PSA_ALG_SP800_108_COUNTER_CMAC, 32 bytes: K(0) first, and it goes into both blocks behind it."""

    def cmac(data: bytes) -> bytes:
        mac = CMAC(algorithms.AES(key))
        mac.update(data)
        return mac.finalize()

    fixed = label + b"\0" + context + (256).to_bytes(4, "big")
    first = cmac(fixed)
    return b"".join(cmac(i.to_bytes(4, "big") + fixed + first) for i in (1, 2))


def seed_of_rse(
    guk: bytes, lcs: int, bl1_2_hash: bytes, *, tp_mode: int, reprovisioning: int = 0, dcu: bytes = b""
) -> bytes:
    """BL1 of an RSE: from the GUK, the label with its NUL, bound to the hash of the boot state."""
    numbers = b"".join(value.to_bytes(4, "little") for value in (tp_mode, lcs, reprovisioning))
    state = hashlib.sha256(numbers + bl1_2_hash + dcu).digest()
    return sp800_108_cmac(guk, b"BL1_DAK_SEED_DERIVATION\0", state)
