"""Key formats (PSA Crypto 1.2, 9.6.4): what is imported of each type, and how it comes back."""

from hashlib import sha256

import pytest
from support import asymmetric_keys as keys
from support.asymmetric_keys import RSA_PAIR, RSA_PUBLIC, der, ecc_pair, ecc_public, pair_numbers
from support.asymmetric_vectors import NIST_CURVES, Record, few_of_each, read, records
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import (
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_SUCCESS,
)
from tfm_sim.partitions.crypto import dh_groups
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.crypto.wants import EVERYTHING

SUCCESS, INVALID, UNSUPPORTED = PSA_SUCCESS, PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
R1, K1 = v.PSA_ECC_FAMILY_SECP_R1, v.PSA_ECC_FAMILY_SECP_K1
BRAINPOOL, FRP = v.PSA_ECC_FAMILY_BRAINPOOL_P_R1, v.PSA_ECC_FAMILY_FRP
MONTGOMERY, EDWARDS = v.PSA_ECC_FAMILY_MONTGOMERY, v.PSA_ECC_FAMILY_TWISTED_EDWARDS
DH_PAIR = v.PSA_KEY_TYPE_DH_KEY_PAIR(v.PSA_DH_FAMILY_RFC7919)
DH_PUBLIC = v.PSA_KEY_TYPE_DH_PUBLIC_KEY(v.PSA_DH_FAMILY_RFC7919)
SPAKE_PAIR, SPAKE_PUBLIC = v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(R1), v.PSA_KEY_TYPE_SPAKE2P_PUBLIC_KEY(R1)
P2048 = dh_groups.prime(2048)


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    return start_partitions(crypto=CryptoConfig(wants=EVERYTHING))


def import_status(device: PartitionBench, kind: int, bits: int, data: bytes) -> int:
    """The status; an imported key is destroyed."""
    attributes = KeyAttributes(kind, bits, usage=v.PSA_KEY_USAGE_EXPORT)
    status, key = crypto.psa_import_key(device.ns, attributes, data)
    if status == SUCCESS:
        assert crypto.psa_destroy_key(device.ns, key) == SUCCESS
    return status


@pytest.mark.parametrize(
    "kind, legal, wrong",
    [
        (v.PSA_KEY_TYPE_RAW_DATA, (8, 24, 8192), ()),
        (v.PSA_KEY_TYPE_HMAC, (8, 256, 2048), ()),
        (v.PSA_KEY_TYPE_DERIVE, (8, 256), ()),
        (v.PSA_KEY_TYPE_PASSWORD, (8, 40), ()),
        (v.PSA_KEY_TYPE_PASSWORD_HASH, (8, 256), ()),
        (v.PSA_KEY_TYPE_PEPPER, (8, 128), ()),
        (v.PSA_KEY_TYPE_AES, (128, 192, 256, 384, 512), (8, 64, 144, 272, 320, 520)),
        (v.PSA_KEY_TYPE_CAMELLIA, (128, 192, 256, 384, 512), (8, 64, 144)),
        (v.PSA_KEY_TYPE_DES, (64, 128, 192), (56, 112, 168, 256)),
        (v.PSA_KEY_TYPE_ARC4, (40, 128, 2048), (8, 32, 2056)),
        (v.PSA_KEY_TYPE_CHACHA20, (256,), (128, 248, 264)),
        (v.PSA_KEY_TYPE_XCHACHA20, (256,), (128, 248, 264)),
    ],
)
def test_sizes_of_symmetric_keys(
    device: PartitionBench, kind: int, legal: tuple[int, ...], wrong: tuple[int, ...]
) -> None:
    """PSA Crypto 1.2, 9.2.3; a block cipher has each size twice, for XTS."""
    for bits in legal:
        data = sha256(b"key").digest() * 32
        assert import_status(device, kind, bits, data[: bits // 8]) == SUCCESS
        assert import_status(device, kind, bits + 8, data[: bits // 8]) == INVALID
        status, key = crypto.psa_generate_key(device.ns, KeyAttributes(kind, bits, usage=1))
        assert status == SUCCESS
        assert len(crypto.psa_export_key(device.ns, key, bits // 8)[1]) == bits // 8
        crypto.psa_destroy_key(device.ns, key)
    for bits in wrong:
        assert import_status(device, kind, 0, bytes(bits // 8)) == INVALID
        assert crypto.psa_generate_key(device.ns, KeyAttributes(kind, bits))[0] == INVALID
    assert crypto.psa_generate_key(device.ns, KeyAttributes(kind, legal[0] + 1))[0] == INVALID


N = pair_numbers()[1]
IMPORTS = [
    # RSA: PKCS#1 alone, in DER; Mbed TLS's limits.
    (RSA_PAIR, 0, keys.rsa_pair(), SUCCESS),
    (RSA_PAIR, 768, keys.rsa_pair(), SUCCESS),
    (RSA_PAIR, 512, keys.rsa_pair(), INVALID),
    (RSA_PAIR, 0, keys.rsa_public(), INVALID),
    (RSA_PAIR, 0, keys.private_key_info(), INVALID),
    (RSA_PAIR, 0, keys.rsa_pair() + b"\0", INVALID),
    (RSA_PAIR, 0, keys.rsa_pair()[:-1], INVALID),
    (RSA_PAIR, 0, der(1, *pair_numbers()[1:]), INVALID),
    (RSA_PAIR, 0, der(*pair_numbers()[:8]), INVALID),
    (RSA_PAIR, 0, der(*pair_numbers(), 1), INVALID),
    *[
        (RSA_PAIR, 0, der(*(n + 2 * (i == j) for j, n in enumerate(pair_numbers()))), INVALID)
        for i in range(9)
    ],
    (RSA_PAIR, 0, der(0, *(0 for _ in range(8))), INVALID),
    (RSA_PUBLIC, 0, keys.rsa_public(), SUCCESS),
    (RSA_PUBLIC, 768, keys.rsa_public(), SUCCESS),
    (RSA_PUBLIC, 760, keys.rsa_public(), INVALID),
    (RSA_PUBLIC, 0, keys.rsa_pair(), INVALID),
    (RSA_PUBLIC, 0, keys.subject_public_key_info(), INVALID),
    (RSA_PUBLIC, 0, keys.rsa_public() + b"\0", INVALID),
    (RSA_PUBLIC, 0, b"\x30\x82\x00" + keys.rsa_public()[2:], INVALID),
    (RSA_PUBLIC, 0, der(N, 3), SUCCESS),
    (RSA_PUBLIC, 0, der(N, 2**100 + 1), SUCCESS),
    (RSA_PUBLIC, 0, der(N, N - 2), SUCCESS),
    (RSA_PUBLIC, 0, der(N, N), INVALID),
    (RSA_PUBLIC, 0, der(N, 1), INVALID),
    (RSA_PUBLIC, 0, der(N, 65536), INVALID),
    (RSA_PUBLIC, 0, der(N, -3), INVALID),
    (RSA_PUBLIC, 0, der(N + 1, 3), INVALID),
    (RSA_PUBLIC, 0, der(-N, 3), INVALID),
    (RSA_PUBLIC, 0, der(2**128 - 1, 3), SUCCESS),
    (RSA_PUBLIC, 0, der(2**127 - 1, 3), INVALID),
    (RSA_PUBLIC, 0, der(2**1023 - 1, 3), UNSUPPORTED),
    (RSA_PUBLIC, 0, der(2**4096 - 1, 3), SUCCESS),
    (RSA_PUBLIC, 0, der(2**4104 - 1, 3), UNSUPPORTED),
    # Weierstrass curves.
    (ecc_pair(R1), 0, b"\1" * 24, SUCCESS),
    (ecc_pair(R1), 224, b"\1" * 28, SUCCESS),
    (ecc_pair(R1), 521, b"\0" + b"\1" * 65, SUCCESS),
    (ecc_pair(R1), 528, b"\0" + b"\1" * 65, INVALID),
    (ecc_pair(R1), 0, b"\2" + b"\1" * 65, INVALID),
    (ecc_pair(R1), 0, b"\1" * 33, INVALID),
    (ecc_pair(R1), 256, b"\1" * 48, INVALID),
    (ecc_pair(R1), 255, b"\1" * 32, INVALID),
    (ecc_pair(K1), 0, b"\1" * 32, SUCCESS),
    (ecc_pair(K1), 0, b"\xff" * 32, INVALID),
    (ecc_pair(K1), 0, b"\1" * 24, UNSUPPORTED),
    (ecc_pair(K1), 225, b"\1" * 29, UNSUPPORTED),
    (ecc_pair(BRAINPOOL), 512, b"\1" * 64, SUCCESS),
    (ecc_pair(BRAINPOOL), 320, b"\1" * 40, UNSUPPORTED),
    (ecc_pair(FRP), 0, b"\1" * 32, UNSUPPORTED),
    (ecc_pair(v.PSA_ECC_FAMILY_SECT_K1), 0, b"\1" * 30, UNSUPPORTED),
    (ecc_pair(0x99), 0, b"\1" * 32, UNSUPPORTED),
    (ecc_public(R1), 0, keys.EC_POINT, SUCCESS),
    (ecc_public(R1), 384, keys.EC_POINT, INVALID),
    (ecc_public(K1), 0, keys.EC_POINT, INVALID),
    (ecc_public(R1), 0, b"\2" + keys.EC_POINT[1:33], INVALID),
    (ecc_public(R1), 0, b"\6" + keys.EC_POINT[1:], INVALID),
    (ecc_public(R1), 0, keys.EC_POINT[:-1], INVALID),
    (ecc_public(R1), 0, b"\0", INVALID),
    (ecc_public(R1), 0, b"\4" + b"\xff" * 64, INVALID),
    # Montgomery curves: any private key, any public one that is not of a small order.
    (ecc_pair(MONTGOMERY), 0, bytes(32), SUCCESS),
    (ecc_pair(MONTGOMERY), 255, b"\xff" * 32, SUCCESS),
    (ecc_pair(MONTGOMERY), 256, b"\xff" * 32, INVALID),
    (ecc_pair(MONTGOMERY), 448, b"\xff" * 56, SUCCESS),
    (ecc_pair(MONTGOMERY), 0, b"\xff" * 57, INVALID),
    (ecc_public(MONTGOMERY), 0, b"\x09" + bytes(31), SUCCESS),
    (ecc_public(MONTGOMERY), 448, b"\x05" + bytes(55), SUCCESS),
    (ecc_public(MONTGOMERY), 0, bytes(32), INVALID),
    (ecc_public(MONTGOMERY), 0, b"\1" + bytes(31), INVALID),
    (ecc_public(MONTGOMERY), 0, (2**255 - 20).to_bytes(32, "little"), INVALID),
    (ecc_public(MONTGOMERY), 0, (2**255 - 19 + 2**255).to_bytes(32, "little"), INVALID),
    (ecc_public(MONTGOMERY), 0, bytes(56), INVALID),
    (ecc_public(MONTGOMERY), 0, (2**448 - 2**224 - 2).to_bytes(56, "little"), INVALID),
    (ecc_public(MONTGOMERY), 0, keys.EC_POINT, INVALID),
    # Twisted Edwards curves: any private key, any public one that is a point.
    (ecc_pair(EDWARDS), 255, bytes(32), SUCCESS),
    (ecc_pair(EDWARDS), 448, bytes(57), SUCCESS),
    (ecc_pair(EDWARDS), 0, bytes(56), INVALID),
    (ecc_pair(EDWARDS), 255, bytes(57), INVALID),
    (ecc_public(EDWARDS), 255, b"\x58" + b"\x66" * 31, SUCCESS),
    (ecc_public(EDWARDS), 255, b"\x02" + bytes(31), INVALID),
    (ecc_public(EDWARDS), 0, b"\xff" * 32, INVALID),
    (ecc_public(EDWARDS), 0, b"\xff" * 57, INVALID),
    (ecc_public(EDWARDS), 448, bytes(56), INVALID),
    # Diffie-Hellman: keys as long as the prime.
    (DH_PAIR, 0, bytes(255) + b"\2", SUCCESS),
    (DH_PAIR, 2048, (P2048 - 2).to_bytes(256, "big"), SUCCESS),
    (DH_PAIR, 0, bytes(255) + b"\1", INVALID),
    (DH_PAIR, 0, (P2048 - 1).to_bytes(256, "big"), INVALID),
    (DH_PAIR, 0, b"\xff" * 256, INVALID),
    (DH_PAIR, 0, bytes(127) + b"\2", UNSUPPORTED),
    (DH_PAIR, 3072, bytes(255) + b"\2", INVALID),
    (DH_PAIR, 0, b"\1" * 1024, SUCCESS),
    (DH_PUBLIC, 0, bytes(255) + b"\2", SUCCESS),
    (DH_PUBLIC, 0, bytes(255) + b"\1", INVALID),
    (DH_PUBLIC, 0, P2048.to_bytes(256, "big"), INVALID),
    (v.PSA_KEY_TYPE_DH_KEY_PAIR(0x10), 0, b"\1" * 256, UNSUPPORTED),
    # SPAKE2+: w0 and w1, or w0 and L.
    (SPAKE_PAIR, 256, b"\1" * 64, SUCCESS),
    (SPAKE_PAIR, 0, bytes(32) + b"\1" * 32, INVALID),
    (SPAKE_PAIR, 0, b"\1" * 32 + b"\xff" * 32, INVALID),
    (SPAKE_PAIR, 0, b"\1" * 65, INVALID),
    (SPAKE_PUBLIC, 0, b"\1" * 32 + keys.EC_POINT, SUCCESS),
    (SPAKE_PUBLIC, 0, b"\1" * 32 + b"\4" + b"\1" * 64, INVALID),
    (v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(K1), 0, b"\1" * 64, UNSUPPORTED),
    (v.PSA_KEY_TYPE_NONE, 0, b"\1" * 32, UNSUPPORTED),
    (v.PSA_KEY_TYPE_ARIA, 0, b"\1" * 16, UNSUPPORTED),
    (v.PSA_KEY_TYPE_SM4, 0, b"\1" * 16, UNSUPPORTED),
    (0x8001, 0, b"\1" * 16, UNSUPPORTED),
]


@pytest.mark.parametrize("kind, bits, data, status", IMPORTS)
def test_import(device: PartitionBench, kind: int, bits: int, data: bytes, status: int) -> None:
    assert import_status(device, kind, bits, data) == status


@pytest.mark.parametrize(
    "record",
    list(few_of_each(records(read("ECDSA/FIPS_186-3/PKV.rsp"), "Result"), ("section", "Result"), 1)),
)
def test_nist_public_key_validation(device: PartitionBench, record: Record) -> None:
    if record["section"] not in NIST_CURVES:
        return
    family, bits = NIST_CURVES[record["section"]]
    width = (bits + 7) // 8
    try:
        point = b"\4" + b"".join(int(record[name], 16).to_bytes(width, "big") for name in ("Qx", "Qy"))
    except OverflowError:
        return
    passes = record["Result"].startswith("P")
    assert import_status(device, ecc_public(family), bits, point) == (SUCCESS if passes else INVALID)
