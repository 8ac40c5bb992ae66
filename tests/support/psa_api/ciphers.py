"""Demands on ciphers and on authenticated encryption (PSA Crypto 1.2 sections 10.4 and 10.5)."""

from support.asymmetric_keys import EC_SCALAR, rsa_pair
from support.psa_api.caller import Caller, Operation
from support.psa_api.demand import Act, demand, rows

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.status import PsaStatus as S

OK, ARGUMENT, SUPPORTED = S.PSA_SUCCESS, S.PSA_ERROR_INVALID_ARGUMENT, S.PSA_ERROR_NOT_SUPPORTED
STATE, SIGNATURE, SMALL = S.PSA_ERROR_BAD_STATE, S.PSA_ERROR_INVALID_SIGNATURE, S.PSA_ERROR_BUFFER_TOO_SMALL
PERMITTED, PADDING = S.PSA_ERROR_NOT_PERMITTED, S.PSA_ERROR_INVALID_PADDING
AES, KEY, RAW = v.PSA_KEY_TYPE_AES, bytes(range(16)), v.PSA_KEY_TYPE_RAW_DATA
PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
CTR, CBC, PKCS7, ECB = (
    v.PSA_ALG_CTR,
    v.PSA_ALG_CBC_NO_PADDING,
    v.PSA_ALG_CBC_PKCS7,
    v.PSA_ALG_ECB_NO_PADDING,
)
GCM, CCM, STREAM = v.PSA_ALG_GCM, v.PSA_ALG_CCM, v.PSA_ALG_STREAM_CIPHER
BOTH = v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_DECRYPT
UNKNOWN_CIPHER, UNKNOWN_AEAD = 0x04FE0000, 0x05FE0000
NONCE, TEXT = bytes(12), b"sixteen bytes..!"


def setup(kind: int, data: bytes, alg: int, policy: int | None = None, usage: int = BOTH) -> Act:
    def act(c: Caller) -> int:
        key = c.imported(kind, data, usage, alg if policy is None else policy)
        is_aead = alg >> 24 == 5
        ways = (0x0602, 0x0603) if is_aead else (0x0502, 0x0503)
        statuses = [
            c.call(way, key=key, alg=alg, outs=(4,), op=Operation(0x060B if is_aead else 0x0508)).status
            for way in ways
        ]
        assert statuses[0] == statuses[1]
        return statuses[0]

    return act


rows(
    "cipher-setup",
    setup,
    ("unknown", "a cipher that nobody defined", (SUPPORTED,), (AES, KEY, UNKNOWN_CIPHER)),
    ("raw-data", "a key of PSA_KEY_TYPE_RAW_DATA", (SUPPORTED,), (RAW, KEY, CTR)),
    ("stream-with-aes", "an AES key for a stream cipher", (SUPPORTED, ARGUMENT), (AES, KEY, STREAM)),
    ("no-cipher", "an algorithm that is no cipher", (ARGUMENT,), (AES, KEY, v.PSA_ALG_CMAC)),
    ("rsa", "an RSA key", (ARGUMENT, SUPPORTED), (v.PSA_KEY_TYPE_RSA_KEY_PAIR, rsa_pair(), CTR)),
    ("ecc", "an elliptic curve key", (ARGUMENT, SUPPORTED), (PAIR, EC_SCALAR, CTR)),
    ("usage", "without the usage", (PERMITTED,), (AES, KEY, CTR, CTR, v.PSA_KEY_USAGE_EXPORT)),
    ("policy", "another mode than the policy's", (PERMITTED,), (AES, KEY, CTR, CBC)),
)


def ciphering(c: Caller, alg: int, way: int = 0x0502) -> Operation:
    return c.begin(way, 0x0508, c.imported(AES, KEY, BOTH, alg), alg)


def iv(
    alg: int, way: int, function: int, given: bytes | None, room: int, before: tuple[bytes, ...] = ()
) -> Act:
    def act(c: Caller) -> int:
        op = ciphering(c, alg, way)
        for earlier in before:
            assert c.call(0x0505, earlier, op=op).status == OK
        if given is not None:
            return c.call(function, given, op=op).status
        return c.call(function, op=op, outs=(room,)).status

    return act


SET, GENERATE, ENCRYPT, DECRYPT = 0x0505, 0x0504, 0x0502, 0x0503
rows(
    "cipher-iv",
    iv,
    ("generate", "generated for encryption", (OK,), (CBC, ENCRYPT, GENERATE, None, 16)),
    ("generate-small", "a buffer that is too small", (SMALL,), (CBC, ENCRYPT, GENERATE, None, 15)),
    ("generate-to-decrypt", "generated for decryption", (STATE,), (CBC, DECRYPT, GENERATE, None, 16)),
    ("generate-for-ecb", "generated for a mode without an IV", (STATE,), (ECB, ENCRYPT, GENERATE, None, 16)),
    (
        "generate-twice",
        "generated after one was set",
        (STATE,),
        (CBC, ENCRYPT, GENERATE, None, 16, (bytes(16),)),
    ),
    ("set", "given", (OK,), (CBC, DECRYPT, SET, bytes(16), 0)),
    ("set-short", "shorter than the mode's", (ARGUMENT,), (CBC, ENCRYPT, SET, bytes(15), 0)),
    ("set-long", "longer than the mode's", (ARGUMENT,), (CBC, ENCRYPT, SET, bytes(17), 0)),
    ("set-empty", "of no bytes", (ARGUMENT,), (CBC, ENCRYPT, SET, b"", 0)),
    ("set-twice", "given twice", (STATE,), (CBC, ENCRYPT, SET, bytes(16), 0, (bytes(16),))),
    ("set-for-ecb", "given to a mode without an IV", (STATE,), (ECB, ENCRYPT, SET, bytes(16), 0)),
)


def cipher_data(alg: int, data: bytes, room: int, end: int | None, *, with_iv: bool = True) -> Act:
    def act(c: Caller) -> int:
        op = ciphering(c, alg)
        if with_iv:
            assert c.call(SET, bytes(16), op=op).status == OK
        answer = c.call(0x0506, data, op=op, outs=(room,))
        if end is None or answer.status != OK:
            return answer.status
        return c.call(0x0507, op=op, outs=(4, end)).status

    return act


rows(
    "cipher",
    cipher_data,
    ("update-and-finish", "a whole block, then the end", (OK,), (CBC, TEXT, 16, 16)),
    ("update-small", "update with a small buffer", (SMALL,), (CBC, TEXT, 15, None)),
    ("finish-small", "finish with a small buffer", (SMALL,), (PKCS7, TEXT, 32, 15)),
    ("finish-in-a-block", "no whole number of blocks", (ARGUMENT,), (CBC, TEXT[:5], 16, 16)),
)


@demand("cipher", "data before the IV", STATE)
def update_before_iv(c: Caller) -> int:
    return c.call(0x0506, TEXT, op=ciphering(c, CBC), outs=(32,)).status


@demand("cipher", "the end before the IV", STATE)
def finish_before_iv(c: Caller) -> int:
    return c.call(0x0507, op=ciphering(c, CBC), outs=(4, 16)).status


@demand("cipher", "a failed call ends the operation", STATE)
def update_after_failure(c: Caller) -> int:
    op = ciphering(c, CBC)
    assert c.call(SET, bytes(16), op=op).status == OK
    assert c.call(0x0506, TEXT, op=op, outs=(1,)).status == SMALL
    return c.call(0x0506, TEXT, op=op, outs=(16,)).status


@demand("cipher", "setup twice", STATE)
def cipher_setup_twice(c: Caller) -> int:
    op = ciphering(c, CTR)
    return c.call(0x0502, key=c.keys[-1], alg=CTR, op=op, outs=(4,)).status


@demand("cipher", "abort leaves nothing to go on with", STATE)
def update_after_abort(c: Caller) -> int:
    op = ciphering(c, CTR)
    assert c.call(0x0508, op=op, outs=(4,)).status == OK
    return c.call(0x0506, TEXT, op=op, outs=(16,)).status


def once(way: int, alg: int, data: bytes, room: int, usage: int = BOTH) -> Act:
    return lambda c: c.call(way, data, key=c.imported(AES, KEY, usage, alg), alg=alg, outs=(room,)).status


rows(
    "cipher",
    once,
    ("encrypt", "IV in front of the ciphertext", (OK,), (0x0500, CTR, TEXT, 32)),
    ("encrypt-small", "a buffer without room for the IV", (SMALL,), (0x0500, CBC, TEXT, 31)),
    ("encrypt-in-a-block", "no whole number of blocks", (ARGUMENT,), (0x0500, CBC, TEXT[:5], 64)),
    ("encrypt-usage", "without the usage", (PERMITTED,), (0x0500, CTR, TEXT, 64, v.PSA_KEY_USAGE_DECRYPT)),
    ("decrypt", "IV in front of the ciphertext", (OK,), (0x0501, CTR, bytes(16) + TEXT, 16)),
    ("decrypt-small", "a buffer that is too small", (SMALL,), (0x0501, CTR, bytes(16) + TEXT, 15)),
    ("decrypt-without-iv", "less than an IV", (ARGUMENT,), (0x0501, CTR, bytes(15), 64)),
    ("decrypt-padding", "padding that is none", (PADDING,), (0x0501, PKCS7, bytes(16) + TEXT, 64)),
    (
        "decrypt-usage",
        "without the usage",
        (PERMITTED,),
        (0x0501, CTR, bytes(32), 64, v.PSA_KEY_USAGE_ENCRYPT),
    ),
)


@demand("cipher", "whether a cipher is in the build", OK)
def can_do_cipher(c: Caller) -> int:
    assert c.call(0x0509, AES.to_bytes(2, "little"), alg=CTR, outs=(4,)).number
    answer = c.call(0x0509, AES.to_bytes(2, "little"), alg=UNKNOWN_CIPHER, outs=(4,))
    assert not answer.number
    return answer.status


def tag(alg: int, length: int) -> int:
    return v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(alg, length)


rows(
    "aead-setup",
    setup,
    ("other-tag", "another tag length than the policy's", (PERMITTED,), (AES, KEY, tag(CCM, 8), tag(CCM, 4))),
    ("default-tag", "the default length by its number", (OK,), (AES, KEY, tag(CCM, 16), CCM)),
    ("unknown", "an AEAD that nobody defined", (SUPPORTED, ARGUMENT), (AES, KEY, UNKNOWN_AEAD)),
    ("no-aead", "a key that is for no cipher", (SUPPORTED, ARGUMENT), (RAW, KEY, GCM)),
    ("usage", "without the usage", (PERMITTED,), (AES, KEY, GCM, GCM, v.PSA_KEY_USAGE_EXPORT)),
    (
        "wildcard",
        "a wildcard asked for",
        (ARGUMENT,),
        (AES, KEY, v.PSA_ALG_AEAD_WITH_AT_LEAST_THIS_LENGTH_TAG(GCM, 8)),
    ),
)


def sealed(alg: int, nonce: bytes, room: int, policy: int | None = None) -> Act:
    def act(c: Caller) -> int:
        key = c.imported(AES, KEY, BOTH, alg if policy is None else policy)
        return c.call(0x0600, TEXT, b"ad", key=key, alg=alg, nonce=nonce, outs=(room,)).status

    return act


rows(
    "aead",
    sealed,
    ("gcm", "GCM", (OK,), (GCM, NONCE, 32)),
    ("ccm", "CCM", (OK,), (CCM, NONCE, 32)),
    ("small", "a buffer without room for the tag", (SMALL,), (GCM, NONCE, 31)),
    ("short-tag", "a shorter tag than the policy's", (PERMITTED,), (tag(GCM, 8), NONCE, 32, GCM)),
    ("tag-0", "a tag of no bytes", (ARGUMENT, PERMITTED), (tag(CCM, 0), NONCE, 32)),
    ("short-nonce", "a nonce too short for CCM", (ARGUMENT,), (CCM, bytes(6), 32)),
    ("long-nonce", "a nonce too long for CCM", (ARGUMENT,), (CCM, bytes(14), 32)),
    ("no-nonce", "no nonce", (ARGUMENT,), (GCM, b"", 32)),
)


@demand("aead", "an altered ciphertext", SIGNATURE)
def altered(c: Caller) -> int:
    key = c.imported(AES, KEY, BOTH, GCM)
    box = c.call(0x0600, TEXT, b"ad", key=key, alg=GCM, nonce=NONCE, outs=(32,)).data
    opened = c.call(0x0601, box, b"ad", key=key, alg=GCM, nonce=NONCE, outs=(16,))
    assert (opened.status, opened.data) == (OK, TEXT)
    for wrong in (box[:-1], bytes([box[0] ^ 1]) + box[1:]):
        assert c.call(0x0601, wrong, b"ad", key=key, alg=GCM, nonce=NONCE, outs=(16,)).status == SIGNATURE
    return c.call(0x0601, box, b"da", key=key, alg=GCM, nonce=NONCE, outs=(16,)).status


@demand("aead", "less than a tag", ARGUMENT, SIGNATURE)
def less_than_a_tag(c: Caller) -> int:
    key = c.imported(AES, KEY, BOTH, GCM)
    return c.call(0x0601, bytes(15), b"ad", key=key, alg=GCM, nonce=NONCE, outs=(16,)).status


Step = tuple[str, object]


def steps(alg: int, *do: Step, way: int = 0x0602) -> Act:
    """The steps one after the other; the last one's status counts, those before it succeed."""

    def act(c: Caller) -> int:
        op = c.begin(way, 0x060B, c.imported(AES, KEY, BOTH, alg), alg)
        status = int(OK)
        for name, argument in do:
            assert status == OK, name
            status = _step(c, op, name, argument)
        return status

    return act


def _step(c: Caller, op: Operation, name: str, argument: object) -> int:
    match name, argument:
        case "nonce", bytes(nonce):
            return c.call(0x0605, nonce, op=op).status
        case "generate", int(room):
            return c.call(0x0604, op=op, outs=(room,)).status
        case "lengths", (int(ad), int(text)):
            return c.call(0x0606, op=op, lengths=(ad, text)).status
        case "ad", bytes(data):
            return c.call(0x0607, data, op=op).status
        case "data", bytes(data):
            return c.call(0x0608, data, op=op, outs=(len(data) + 16,)).status
        case "small", bytes(data):
            return c.call(0x0608, data, op=op, outs=(len(data) - 1,)).status
        case "finish", int(room):
            return c.call(0x0609, op=op, outs=(4, room, 16)).status
        case "verify", bytes(expected):
            return c.call(0x060A, expected, op=op, outs=(4, 16)).status
    raise AssertionError(name)


FOR_5_16 = ("lengths", (5, 16))
rows(
    "aead-parts",
    steps,
    (
        "whole",
        "nonce, additional data, data, tag",
        (OK,),
        (GCM, ("nonce", NONCE), ("ad", b"ad"), ("data", TEXT), ("finish", 16)),
    ),
    (
        "ccm-whole",
        "CCM with its lengths first",
        (OK,),
        (CCM, FOR_5_16, ("nonce", NONCE), ("ad", b"12345"), ("data", TEXT), ("finish", 16)),
    ),
    ("no-nonce-ad", "additional data before the nonce", (STATE,), (GCM, ("ad", b"ad"))),
    ("no-nonce-data", "data before the nonce", (STATE,), (GCM, ("data", TEXT))),
    ("no-nonce-finish", "the end before the nonce", (STATE,), (GCM, ("finish", 16))),
    ("nonce-twice", "the nonce twice", (STATE,), (GCM, ("nonce", NONCE), ("nonce", NONCE))),
    (
        "generate-after-set",
        "a nonce generated after one was set",
        (STATE,),
        (GCM, ("nonce", NONCE), ("generate", 12)),
    ),
    ("generate-small", "a small buffer for the nonce", (SMALL,), (GCM, ("generate", 11))),
    ("nonce-length", "a nonce too long for CCM", (ARGUMENT,), (CCM, FOR_5_16, ("nonce", bytes(14)))),
    ("lengths-twice", "the lengths twice", (STATE,), (CCM, FOR_5_16, FOR_5_16)),
    (
        "lengths-late",
        "the lengths after additional data",
        (STATE,),
        (GCM, ("nonce", NONCE), ("ad", b"ad"), ("lengths", (2, 16))),
    ),
    ("ccm-ad-length", "more additional data than CCM takes", (ARGUMENT,), (CCM, ("lengths", (0xFF01, 16)))),
    ("ccm-no-lengths", "CCM without its lengths", (STATE,), (CCM, ("nonce", NONCE))),
    (
        "ad-after-data",
        "additional data after data",
        (STATE,),
        (GCM, ("nonce", NONCE), ("data", TEXT), ("ad", b"ad")),
    ),
    (
        "more-ad",
        "more additional data than announced",
        (ARGUMENT,),
        (GCM, FOR_5_16, ("nonce", NONCE), ("ad", b"123456")),
    ),
    (
        "more-data",
        "more data than announced",
        (ARGUMENT,),
        (GCM, FOR_5_16, ("nonce", NONCE), ("ad", b"12345"), ("data", TEXT + b"x")),
    ),
    (
        "less-ad",
        "less additional data than announced",
        (ARGUMENT,),
        (GCM, FOR_5_16, ("nonce", NONCE), ("ad", b"1234"), ("data", TEXT)),
    ),
    (
        "less-data",
        "less data than announced",
        (ARGUMENT,),
        (GCM, FOR_5_16, ("nonce", NONCE), ("ad", b"12345"), ("data", b"x"), ("finish", 16)),
    ),
    ("update-small", "update with a small buffer", (SMALL,), (GCM, ("nonce", NONCE), ("small", TEXT))),
    (
        "finish-small",
        "a small buffer for the tag",
        (SMALL,),
        (GCM, ("nonce", NONCE), ("data", TEXT), ("finish", 15)),
    ),
    (
        "verify-of-encrypt",
        "verify of an encryption",
        (STATE,),
        (GCM, ("nonce", NONCE), ("data", TEXT), ("verify", bytes(16))),
    ),
)
rows(
    "aead-open",
    lambda *do: steps(GCM, *do, way=0x0603),
    ("wrong-tag", "a wrong tag", (SIGNATURE,), (("nonce", NONCE), ("data", TEXT), ("verify", bytes(16)))),
    (
        "short-tag",
        "a tag of another length",
        (SIGNATURE,),
        (("nonce", NONCE), ("data", TEXT), ("verify", bytes(15))),
    ),
    (
        "finish-of-decrypt",
        "finish of a decryption",
        (STATE,),
        (("nonce", NONCE), ("data", TEXT), ("finish", 16)),
    ),
    ("generate", "a nonce generated for decryption", (STATE,), (("generate", 12),)),
)


@demand("aead-parts", "any failed call ends the operation, a small buffer too", STATE)
def after_a_failure(c: Caller) -> int:
    op = c.begin(0x0602, 0x060B, c.imported(AES, KEY, BOTH, GCM), GCM)
    assert _step(c, op, "nonce", NONCE) == OK
    assert _step(c, op, "small", TEXT) == SMALL
    return _step(c, op, "data", TEXT)
