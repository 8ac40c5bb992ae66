"""Demands on hashes and MACs (PSA Crypto 1.2 sections 10.2 and 10.3)."""

from hashlib import sha256
from hmac import digest as hmac_digest

from support.asymmetric_keys import EC_SCALAR
from support.psa_api.caller import Caller, Operation
from support.psa_api.demand import Act, demand, rows

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.status import PsaStatus as S

OK, ARGUMENT, SUPPORTED = S.PSA_SUCCESS, S.PSA_ERROR_INVALID_ARGUMENT, S.PSA_ERROR_NOT_SUPPORTED
STATE, SIGNATURE, SMALL = S.PSA_ERROR_BAD_STATE, S.PSA_ERROR_INVALID_SIGNATURE, S.PSA_ERROR_BUFFER_TOO_SMALL
PERMITTED = S.PSA_ERROR_NOT_PERMITTED
SHA256, UNKNOWN_HASH = v.PSA_ALG_SHA_256, v.PSA_ALG_CATEGORY_HASH | 0xFE
UNKNOWN_MAC, HS_UNKNOWN = 0x03C00F00, v.PSA_ALG_HMAC(UNKNOWN_HASH)
HS256, CMAC = v.PSA_ALG_HMAC(SHA256), v.PSA_ALG_CMAC
SIGN, VERIFY = v.PSA_KEY_USAGE_SIGN_MESSAGE, v.PSA_KEY_USAGE_VERIFY_MESSAGE
AES, HMAC = v.PSA_KEY_TYPE_AES, v.PSA_KEY_TYPE_HMAC
PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
DIGEST, KEY = sha256(b"abc").digest(), bytes(range(32))
MAC = hmac_digest(KEY, b"abc", "sha256")


def hashing(c: Caller) -> Operation:
    return c.begin(0x0302, 0x0307, alg=SHA256)


def compute(alg: int, room: int, data: bytes = b"abc") -> Act:
    return lambda c: c.call(0x0300, data, alg=alg, outs=(room,)).status


def compare(alg: int, digest: bytes) -> Act:
    return lambda c: c.call(0x0301, b"abc", digest, alg=alg).status


def hash_setup(alg: int) -> Act:
    return lambda c: c.call(0x0302, alg=alg, outs=(4,), op=Operation(0x0307)).status


rows(
    "hash",
    compute,
    ("compute", "one call", (OK,), (SHA256, 32)),
    ("compute-small", "a buffer that is too small", (SMALL,), (SHA256, 31)),
    ("compute-unknown", "a hash that nobody defined", (SUPPORTED,), (UNKNOWN_HASH, 64)),
    ("compute-mac", "an algorithm that is no hash", (ARGUMENT, SUPPORTED), (HS256, 64)),
    ("compute-any", "the wildcard of hashes", (ARGUMENT, SUPPORTED), (v.PSA_ALG_ANY_HASH, 64)),
    ("compute-most", "as much as the scratch buffer holds", (OK,), (SHA256, 32, bytes(5120 - 32))),
    (
        "compute-more",
        "a byte more than it holds",
        (S.PSA_ERROR_INSUFFICIENT_MEMORY,),
        (SHA256, 32, bytes(5121 - 32)),
    ),
)
rows(
    "hash",
    compare,
    ("compare", "the right hash", (OK,), (SHA256, DIGEST)),
    ("compare-wrong", "a wrong hash", (SIGNATURE,), (SHA256, DIGEST[::-1])),
    ("compare-short", "a hash that is cut", (SIGNATURE,), (SHA256, DIGEST[:31])),
    ("compare-long", "a hash with a byte more", (SIGNATURE,), (SHA256, DIGEST + b"\0")),
    ("compare-unknown", "a hash that nobody defined", (SUPPORTED,), (UNKNOWN_HASH, DIGEST)),
)
rows(
    "hash",
    hash_setup,
    ("setup-unknown", "a hash that nobody defined", (SUPPORTED,), (UNKNOWN_HASH,)),
    ("setup-cipher", "an algorithm that is no hash", (ARGUMENT, SUPPORTED), (v.PSA_ALG_CTR,)),
)


def without_setup(function: int, ins: tuple[bytes, ...], outs: tuple[int, ...], handle: int = 0) -> Act:
    return lambda c: c.call(function, *ins, outs=outs, op=Operation(0, handle)).status


for _word, _handle in (("no-setup", 0), ("no-operation", 7), ("past-the-table", 9)):
    rows(
        f"operation-{_word}",
        without_setup,
        ("hash-update", "psa_hash_update", (STATE,), (0x0303, (b"abc",), (), _handle)),
        ("hash-finish", "psa_hash_finish", (STATE,), (0x0305, (), (4, 32), _handle)),
        ("hash-verify", "psa_hash_verify", (STATE,), (0x0306, (DIGEST,), (4,), _handle)),
        ("hash-clone", "psa_hash_clone", (STATE,), (0x0304, (bytes(4),), (4,), _handle)),
        ("hash-abort", "psa_hash_abort: no error", (OK,), (0x0307, (), (4,), _handle)),
        ("mac-update", "psa_mac_update", (STATE,), (0x0404, (b"abc",), (), _handle)),
        ("mac-sign-finish", "psa_mac_sign_finish", (STATE,), (0x0405, (), (4, 32), _handle)),
        ("mac-verify-finish", "psa_mac_verify_finish", (STATE,), (0x0406, (MAC,), (4,), _handle)),
        ("mac-abort", "psa_mac_abort: no error", (OK,), (0x0407, (), (4,), _handle)),
        ("cipher-generate-iv", "psa_cipher_generate_iv", (STATE,), (0x0504, (), (16,), _handle)),
        ("cipher-set-iv", "psa_cipher_set_iv", (STATE,), (0x0505, (bytes(16),), (), _handle)),
        ("cipher-update", "psa_cipher_update", (STATE,), (0x0506, (b"abc",), (16,), _handle)),
        ("cipher-finish", "psa_cipher_finish", (STATE,), (0x0507, (), (4, 16), _handle)),
        ("cipher-abort", "psa_cipher_abort: no error", (OK,), (0x0508, (), (4,), _handle)),
        ("aead-generate-nonce", "psa_aead_generate_nonce", (STATE,), (0x0604, (), (12,), _handle)),
        ("aead-set-nonce", "psa_aead_set_nonce", (STATE,), (0x0605, (bytes(12),), (), _handle)),
        ("aead-set-lengths", "psa_aead_set_lengths", (STATE,), (0x0606, (), (), _handle)),
        ("aead-update-ad", "psa_aead_update_ad", (STATE,), (0x0607, (b"ad",), (), _handle)),
        ("aead-update", "psa_aead_update", (STATE,), (0x0608, (b"abc",), (16,), _handle)),
        ("aead-finish", "psa_aead_finish", (STATE,), (0x0609, (), (4, 16, 16), _handle)),
        ("aead-verify", "psa_aead_verify", (STATE,), (0x060A, (bytes(16),), (4, 16), _handle)),
        ("aead-abort", "psa_aead_abort: no error", (OK,), (0x060B, (), (4,), _handle)),
        ("kdf-get-capacity", "psa_key_derivation_get_capacity", (STATE,), (0x0902, (), (4,), _handle)),
        ("kdf-set-capacity", "psa_key_derivation_set_capacity", (STATE,), (0x0903, (), (), _handle)),
        ("kdf-input-bytes", "psa_key_derivation_input_bytes", (STATE,), (0x0904, (b"abc",), (), _handle)),
        ("kdf-input-key", "psa_key_derivation_input_key", (STATE,), (0x0905, (), (), _handle)),
        ("kdf-input-integer", "psa_key_derivation_input_integer", (STATE,), (0x0906, (), (), _handle)),
        ("kdf-output-bytes", "psa_key_derivation_output_bytes", (STATE,), (0x0908, (), (16,), _handle)),
        ("kdf-abort", "psa_key_derivation_abort: no error", (OK,), (0x090A, (), (4,), _handle)),
    )


@demand("hash", "in parts as at once", OK)
def in_parts(c: Caller) -> int:
    op = hashing(c)
    for part in (b"a", b"", b"bc"):
        assert c.call(0x0303, part, op=op).status == OK
    answer = c.call(0x0305, op=op, outs=(4, 32))
    assert (answer.data, op.handle) == (DIGEST, 0)
    return answer.status


@demand("hash", "setup twice", STATE)
def setup_twice(c: Caller) -> int:
    return c.call(0x0302, alg=SHA256, op=hashing(c), outs=(4,)).status


@demand("hash", "update after finish", STATE)
def update_after_finish(c: Caller) -> int:
    op = hashing(c)
    assert c.call(0x0305, op=op, outs=(4, 32)).status == OK
    return c.call(0x0303, b"abc", op=op).status


@demand("hash", "finish with a small buffer, and no more after that", STATE)
def finish_small(c: Caller) -> int:
    op = hashing(c)
    assert c.call(0x0305, op=op, outs=(4, 31)).status == SMALL
    return c.call(0x0305, op=op, outs=(4, 32)).status


@demand("hash", "verify a wrong hash, and no more after that", STATE)
def verify_wrong(c: Caller) -> int:
    op = hashing(c)
    assert c.call(0x0306, DIGEST, op=op, outs=(4,)).status == SIGNATURE
    return c.call(0x0303, b"abc", op=op).status


@demand("hash", "a clone goes on from where the source is", OK)
def clone(c: Caller) -> int:
    op = hashing(c)
    assert c.call(0x0303, b"ab", op=op).status == OK
    cloned = c.call(0x0304, bytes(4), outs=(4,), op=Operation(0, op.handle))
    other = Operation(0x0307, cloned.number)
    c.operations.append(other)
    assert c.call(0x0303, b"c", op=other).status == OK
    assert c.call(0x0305, op=op, outs=(4, 32)).data == sha256(b"ab").digest()
    answer = c.call(0x0305, op=other, outs=(4, 32))
    assert answer.data == DIGEST
    return answer.status


@demand("hash", "a clone of an operation that is not there", STATE)
def clone_of_none(c: Caller) -> int:
    return c.call(0x0304, bytes(4), outs=(4,), op=Operation(0)).status


@demand("hash", "the operations of all clients and kinds fill one table", PERMITTED)
def full_table(c: Caller) -> int:
    for _ in range(8):
        hashing(c)
    return c.call(0x0302, alg=SHA256, op=Operation(0x0307), outs=(4,)).status


@demand("hash", "whether a hash is in the build", OK)
def can_do(c: Caller) -> int:
    assert c.call(0x0308, alg=SHA256, outs=(4,)).number
    answer = c.call(0x0308, alg=UNKNOWN_HASH, outs=(4,))
    assert not answer.number
    return answer.status


def mac_setup(kind: int, data: bytes, policy: int, alg: int, usage: int = SIGN | VERIFY) -> Act:
    def act(c: Caller) -> int:
        key = c.imported(kind, data, usage, policy)
        statuses = [
            c.call(f, key=key, alg=alg, outs=(4,), op=Operation(0x0407)).status for f in (0x0402, 0x0403)
        ]
        assert statuses[0] == statuses[1]
        return statuses[0]

    return act


def cut(alg: int, length: int) -> int:
    return v.PSA_ALG_TRUNCATED_MAC(alg, length)


AT_LEAST_16 = v.PSA_ALG_AT_LEAST_THIS_LENGTH_MAC(HS256, 16)
rows(
    "mac-setup",
    mac_setup,
    ("hmac-for-cmac", "an HMAC key for CMAC", (ARGUMENT,), (HMAC, KEY, CMAC, CMAC)),
    ("aes-for-hmac", "an AES key for HMAC", (ARGUMENT,), (AES, KEY, HS256, HS256)),
    ("ecc", "a key pair", (ARGUMENT,), (PAIR, EC_SCALAR, HS256, HS256)),
    ("too-long", "longer than the whole MAC", (ARGUMENT,), (HMAC, KEY, cut(HS256, 33), cut(HS256, 33))),
    ("too-short", "shorter than 4 bytes", (SUPPORTED,), (HMAC, KEY, cut(HS256, 3), cut(HS256, 3))),
    ("no-mac", "an algorithm that is no MAC", (ARGUMENT,), (HMAC, KEY, SHA256, SHA256)),
    ("unknown-mac", "a MAC that nobody defined", (SUPPORTED,), (AES, KEY, UNKNOWN_MAC, UNKNOWN_MAC)),
    (
        "unknown-hash",
        "HMAC over a hash that nobody defined",
        (SUPPORTED,),
        (HMAC, KEY, HS_UNKNOWN, HS_UNKNOWN),
    ),
    ("usage", "without the usage", (PERMITTED,), (HMAC, KEY, HS256, HS256, v.PSA_KEY_USAGE_EXPORT)),
    (
        "policy",
        "another hash than the policy's",
        (PERMITTED,),
        (HMAC, KEY, v.PSA_ALG_HMAC(v.PSA_ALG_SHA_384), HS256),
    ),
    (
        "shorter-than-policy",
        "a shorter MAC than the policy's",
        (PERMITTED,),
        (HMAC, KEY, HS256, cut(HS256, 16)),
    ),
    (
        "shorter-than-least",
        "shorter than the policy's least",
        (PERMITTED,),
        (HMAC, KEY, AT_LEAST_16, cut(HS256, 15)),
    ),
    ("wildcard", "a wildcard asked for", (ARGUMENT,), (HMAC, KEY, AT_LEAST_16, AT_LEAST_16)),
)


def mac_once(policy: int, alg: int, length: int, room: int = 64) -> Act:
    def act(c: Caller) -> int:
        key = c.imported(HMAC, KEY, SIGN | VERIFY, policy)
        answer = c.call(0x0400, b"abc", key=key, alg=alg, outs=(room,))
        if answer.status == OK:
            assert answer.data == MAC[:length]
            assert c.call(0x0401, b"abc", MAC[:length], key=key, alg=alg).status == OK
            assert c.call(0x0401, b"abd", MAC[:length], key=key, alg=alg).status == SIGNATURE
            assert c.call(0x0401, b"abc", MAC[: length - 1], key=key, alg=alg).status == SIGNATURE
        return answer.status

    return act


rows(
    "mac",
    mac_once,
    ("once", "one call, and verified", (OK,), (HS256, HS256, 32)),
    ("truncated", "a truncated MAC", (OK,), (cut(HS256, 8), cut(HS256, 8), 8)),
    ("at-least", "as long as the policy's least", (OK,), (AT_LEAST_16, cut(HS256, 16), 16)),
    ("whole-of-at-least", "the whole MAC where the policy has a least", (OK,), (AT_LEAST_16, HS256, 32)),
    ("explicit-length", "the default length by its number", (OK,), (HS256, cut(HS256, 32), 32)),
    ("small", "a buffer that is too small", (SMALL,), (HS256, HS256, 32, 31)),
    ("below-the-least", "shorter than the policy's least", (PERMITTED,), (AT_LEAST_16, cut(HS256, 12), 12)),
)


def mac(c: Caller, setup: int) -> Operation:
    op = c.begin(setup, 0x0407, c.imported(HMAC, KEY, SIGN | VERIFY, HS256), HS256)
    assert c.call(0x0404, b"abc", op=op).status == OK
    return op


def mac_end(setup: int, end: int, ins: tuple[bytes, ...], outs: tuple[int, ...]) -> Act:
    def act(c: Caller) -> int:
        op = mac(c, setup)
        status = c.call(end, *ins, op=op, outs=outs).status
        assert (op.handle == 0) == (status == OK), "the slot is free after success alone"
        assert c.call(0x0404, b"abc", op=op).status == STATE
        return status

    return act


rows(
    "mac",
    mac_end,
    ("sign-in-parts", "sign in parts", (OK,), (0x0402, 0x0405, (), (4, 32))),
    ("verify-in-parts", "verify in parts", (OK,), (0x0403, 0x0406, (MAC,), (4,))),
    ("sign-finish-of-verify", "sign_finish of a verification", (STATE,), (0x0403, 0x0405, (), (4, 32))),
    ("verify-finish-of-sign", "verify_finish of a signature", (STATE,), (0x0402, 0x0406, (MAC,), (4,))),
    ("sign-small", "a buffer that is too small", (SMALL,), (0x0402, 0x0405, (), (4, 31))),
    ("verify-wrong", "a wrong MAC", (SIGNATURE,), (0x0403, 0x0406, (MAC[::-1],), (4,))),
    ("verify-short", "a MAC of another length", (SIGNATURE,), (0x0403, 0x0406, (MAC[:31],), (4,))),
)


@demand("mac", "setup twice", STATE)
def mac_setup_twice(c: Caller) -> int:
    op = mac(c, 0x0402)
    return c.call(0x0402, key=c.keys[-1], alg=HS256, op=op, outs=(4,)).status
