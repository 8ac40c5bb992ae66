"""PSA Crypto 1.2: our numbers and macros beside those of the C headers.

The data holds what a C program prints that includes TF-M's psa/crypto.h (every option on), and for macros
that it lacks, the specification's own definitions: a constant's value, or rows of arguments and result.
"""

import json
from pathlib import Path

import pytest

from tfm_sim.interface.psa import crypto_sizes as sizes
from tfm_sim.interface.psa import crypto_values as v

HEADERS = json.loads((Path(__file__).parents[1] / "data" / "psa_crypto_headers.json").read_text())
VALUES = {name: value for header in HEADERS.values() for name, value in header.items()}
CONSTANTS = {name: value for name, value in VALUES.items() if isinstance(value, int)}
MACROS = {name: rows for name, rows in VALUES.items() if isinstance(rows, list)}

P384_PRIMITIVE = v.PSA_PAKE_PRIMITIVE(v.PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_R1, 384)
XPOLY = (v.PSA_KEY_TYPE_XCHACHA20, v.PSA_ALG_XCHACHA20_POLY1305)
ED448 = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_TWISTED_EDWARDS)
SPAKE2P = v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)


def ours(name: str) -> object:
    return getattr(v, name, None) or getattr(sizes, name, None)


def test_there_is_a_header_behind_the_data() -> None:
    assert len(CONSTANTS) > 150
    assert len(MACROS) > 150


@pytest.mark.parametrize("name", sorted(CONSTANTS))
def test_constant(name: str) -> None:
    # The program had a size_t of 64 bits for PSA_KEY_DERIVATION_UNLIMITED_CAPACITY, a device has 32.
    assert getattr(v, name, getattr(sizes, name, None)) == CONSTANTS[name] & 0xFFFFFFFF


@pytest.mark.parametrize("name", sorted(MACROS))
def test_macro(name: str) -> None:
    macro = ours(name)
    assert callable(macro)
    found = [[*args, int(macro(*args))] for *args, _ in MACROS[name]]
    assert found == MACROS[name]


@pytest.mark.parametrize(
    "found, value, header",
    [
        # The model has algorithms that TF-M's library lacks, so its rooms are larger.
        (sizes.PSA_CIPHER_IV_MAX_SIZE, 24, 16),
        (sizes.PSA_AEAD_NONCE_MAX_SIZE, 24, 13),
        (sizes.PSA_CIPHER_MAX_KEY_LENGTH, 64, 32),
        (sizes.PSA_CIPHER_FINISH_OUTPUT_MAX_SIZE, 31, 16),
        (sizes.PSA_CIPHER_FINISH_OUTPUT_SIZE(v.PSA_KEY_TYPE_AES, v.PSA_ALG_XTS), 31, 0),
        (sizes.PSA_CIPHER_UPDATE_OUTPUT_SIZE(v.PSA_KEY_TYPE_AES, v.PSA_ALG_XTS, 17), 32, 17),
        (sizes.PSA_PAKE_OUTPUT_MAX_SIZE, 133, 65),
        (sizes.PSA_AEAD_NONCE_LENGTH(*XPOLY), 24, 0),
        (sizes.PSA_CIPHER_IV_LENGTH(v.PSA_KEY_TYPE_XCHACHA20, v.PSA_ALG_STREAM_CIPHER), 24, 0),
        (v.PSA_ALG_AEAD_WITH_DEFAULT_LENGTH_TAG(0x05000600), v.PSA_ALG_XCHACHA20_POLY1305, 0),
        (sizes.PSA_HASH_LENGTH(v.PSA_ALG_SHAKE256_512), 64, 0),
        (sizes.PSA_HASH_BLOCK_LENGTH(v.PSA_ALG_SM3), 64, 0),
        (sizes.PSA_EXPORT_KEY_OUTPUT_SIZE(SPAKE2P, 256), 64, 32),
        (sizes.PSA_EXPORT_PUBLIC_KEY_OUTPUT_SIZE(SPAKE2P, 256), 97, 0),
        (sizes.PSA_PAKE_OUTPUT_SIZE(v.PSA_ALG_JPAKE(v.PSA_ALG_SHA_256), P384_PRIMITIVE, 3), 48, 0),
        # Ed448: keys and signature halves of 57 bytes, one more than the 448 bits of its type.
        (sizes.PSA_EXPORT_KEY_OUTPUT_SIZE(ED448, 448), 57, 56),
        (sizes.PSA_SIGN_OUTPUT_SIZE(ED448, 448, v.PSA_ALG_PURE_EDDSA), 114, 112),
        # A size is never negative, and an algorithm of another kind signs nothing.
        (sizes.PSA_ASYMMETRIC_DECRYPT_OUTPUT_SIZE(v.PSA_KEY_TYPE_RSA_KEY_PAIR, 256, 0x0700030B), 0, -97),
        (sizes.PSA_SIGN_OUTPUT_SIZE(v.PSA_KEY_TYPE_ECC_KEY_PAIR(0x12), 256, v.PSA_ALG_CMAC), 0, 64),
        # PSA Crypto 1.2: RAW and ECDSA_ANY belong to hash-and-sign and sign no message.
        (v.PSA_ALG_IS_HASH_AND_SIGN(v.PSA_ALG_ECDSA_ANY), True, False),
        (v.PSA_ALG_IS_SIGN_MESSAGE(v.PSA_ALG_RSA_PKCS1V15_SIGN_RAW), False, True),
        # PSA Crypto 1.2: any algorithm of ANY_HASH is a wildcard, and so is CCM* with any tag.
        (v.PSA_ALG_IS_WILDCARD(v.PSA_ALG_HMAC(v.PSA_ALG_ANY_HASH)), True, False),
        (v.PSA_ALG_IS_WILDCARD(v.PSA_ALG_CCM_STAR_ANY_TAG), True, False),
        # PSA Crypto 1.2: the stretching flag is the derivation's, not the agreement's.
        (v.PSA_ALG_KEY_AGREEMENT_GET_KDF(0x09820109), 0x08800109, 0x08000109),
        (v.PSA_ALG_KEY_AGREEMENT_GET_BASE(0x09820109), v.PSA_ALG_ECDH, 0x09820000),
    ],
)
def test_where_we_differ_from_tf_m(found: int, value: int, header: int) -> None:
    assert found == value != header


@pytest.mark.parametrize(
    "found, value, macro",
    [
        # TF-M: an HMAC of at least a length is an HMAC.
        (v.PSA_ALG_IS_HMAC(0x03908009), True, False),
        # PSA Crypto 1.2 psa_sign_hash: PureEdDSA signs messages only, as the macro says from 1.5 on.
        (v.PSA_ALG_IS_SIGN_HASH(v.PSA_ALG_PURE_EDDSA), False, True),
        # The macros of the specification are only for types of their kind; TF-M's yield 0 for others.
        (v.PSA_BLOCK_CIPHER_BLOCK_LENGTH(v.PSA_KEY_TYPE_DERIVE), 0, 4),
        (v.PSA_KEY_TYPE_ECC_GET_FAMILY(v.PSA_KEY_TYPE_PASSWORD), 0, 3),
        (v.PSA_KEY_TYPE_DH_GET_FAMILY(v.PSA_KEY_TYPE_PASSWORD), 0, 3),
    ],
)
def test_where_we_differ_from_the_macros_of_1_2(found: int, value: int, macro: int) -> None:
    assert found == value != macro
