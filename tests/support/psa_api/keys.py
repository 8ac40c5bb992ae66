"""Demands on keys: making, copying, reading out, policies (PSA Crypto 1.2 section 9)."""

from support.asymmetric_keys import EC_POINT, EC_SCALAR, rsa_pair
from support.psa_api.caller import Caller, Operation, attributes
from support.psa_api.demand import Act, demand, rows

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.status import PsaStatus as S

OK, ARGUMENT, SUPPORTED = S.PSA_SUCCESS, S.PSA_ERROR_INVALID_ARGUMENT, S.PSA_ERROR_NOT_SUPPORTED
HANDLE, PERMITTED, SMALL = S.PSA_ERROR_INVALID_HANDLE, S.PSA_ERROR_NOT_PERMITTED, S.PSA_ERROR_BUFFER_TOO_SMALL
RAW, AES, HMAC, DERIVE = (
    v.PSA_KEY_TYPE_RAW_DATA,
    v.PSA_KEY_TYPE_AES,
    v.PSA_KEY_TYPE_HMAC,
    v.PSA_KEY_TYPE_DERIVE,
)
RSA = v.PSA_KEY_TYPE_RSA_KEY_PAIR
PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
PUBLIC = v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(v.PSA_ECC_FAMILY_SECP_R1)
HS256 = v.PSA_ALG_HMAC(v.PSA_ALG_SHA_256)
ES256 = v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_256)
HKDF = v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)
EXPORT, COPY, ENCRYPT = v.PSA_KEY_USAGE_EXPORT, v.PSA_KEY_USAGE_COPY, v.PSA_KEY_USAGE_ENCRYPT
SIGN_HASH, SIGN_MESSAGE = v.PSA_KEY_USAGE_SIGN_HASH, v.PSA_KEY_USAGE_SIGN_MESSAGE
VERIFY_HASH, VERIFY_MESSAGE = v.PSA_KEY_USAGE_VERIFY_HASH, v.PSA_KEY_USAGE_VERIFY_MESSAGE
KEY = bytes(range(16))
UNKNOWN = 0x3FFFFFF0
DIGEST = bytes(32)


def importing(attributes_: bytes, data: bytes) -> Act:
    return lambda c: c.make(0x0203, attributes_, data).status


rows(
    "import",
    importing,
    ("raw-data", "bytes of any kind", (OK,), (attributes(RAW), b"abc")),
    ("aes-128", "an AES key", (OK,), (attributes(AES, 128), KEY)),
    ("ecc-pair", "a private key of P-256", (OK,), (attributes(PAIR, 256), EC_SCALAR)),
    ("ecc-public", "a point of P-256", (OK,), (attributes(PUBLIC, 256), EC_POINT)),
    ("rsa-pair", "an RSAPrivateKey in DER", (OK,), (attributes(RSA), rsa_pair())),
    ("wrong-size", "a size that the type does not have", (ARGUMENT,), (attributes(AES), KEY[:15])),
    ("other-bits", "attributes with another size than the data", (ARGUMENT,), (attributes(AES, 192), KEY)),
    ("empty", "no data", (ARGUMENT,), (attributes(RAW), b"")),
    ("not-on-the-curve", "a point beside the curve", (ARGUMENT,), (attributes(PUBLIC), b"\4" + bytes(64))),
    ("zero-scalar", "private key 0", (ARGUMENT,), (attributes(PAIR, 256), bytes(32))),
    ("rsa-no-der", "no DER at all", (ARGUMENT,), (attributes(RSA), bytes(128))),
    ("unknown-type", "a type that nobody defined", (SUPPORTED,), (attributes(0x0BAD), KEY)),
    ("type-none", "PSA_KEY_TYPE_NONE", (ARGUMENT, SUPPORTED), (attributes(0), KEY)),
    ("unknown-usage", "usage flags that do not exist", (ARGUMENT,), (attributes(RAW, usage=0x10000), KEY)),
    ("volatile-with-id", "an id for a volatile key", (ARGUMENT,), (attributes(RAW, key_id=5), KEY)),
    (
        "id-of-the-vendor",
        "a persistent id beyond the user's",
        (ARGUMENT,),
        (attributes(RAW, lifetime=1, key_id=0x40000000), KEY),
    ),
    ("id-0", "a persistent key without an id", (ARGUMENT,), (attributes(RAW, lifetime=1), KEY)),
    (
        "unknown-location",
        "a location that is nobody's",
        (ARGUMENT,),
        (attributes(RAW, lifetime=0x12300), KEY),
    ),
)


@demand("import", "an id that is taken", S.PSA_ERROR_ALREADY_EXISTS)
def id_in_use(c: Caller) -> int:
    asked = attributes(RAW, lifetime=1, key_id=9)
    assert c.make(0x0203, asked, KEY).number == 9
    return c.make(0x0203, asked, KEY).status


def generating(attributes_: bytes) -> Act:
    def act(c: Caller) -> int:
        answer = c.make(0x0209, attributes_)
        if answer.status == OK:
            assert c.call(0x0200, key=answer.number, outs=(24,)).data[:4] == attributes_[:4]
        return answer.status

    return act


rows(
    "generate",
    generating,
    ("aes", "an AES key, read back with type and size", (OK,), (attributes(AES, 256),)),
    ("ecc", "a pair on P-256", (OK,), (attributes(PAIR, 256),)),
    ("hmac", "an HMAC key", (OK,), (attributes(HMAC, 512),)),
    ("size-0", "no size", (ARGUMENT,), (attributes(AES),)),
    ("wrong-size", "a size that the type does not have", (ARGUMENT,), (attributes(AES, 64),)),
    ("public", "a public key", (ARGUMENT,), (attributes(PUBLIC, 256),)),
    ("unknown-type", "a type that nobody defined", (SUPPORTED,), (attributes(0x0BAD, 128),)),
    (
        "unknown-curve-size",
        "a size that no curve of the family has",
        (ARGUMENT, SUPPORTED),
        (attributes(PAIR, 255),),
    ),
    ("unknown-usage", "usage flags that do not exist", (ARGUMENT,), (attributes(AES, 128, usage=8),)),
)


def with_key(function: int, key: int, ins: tuple[bytes, ...], outs: tuple[int, ...], alg: int) -> Act:
    return lambda c: c.call(function, *ins, key=key, outs=outs, alg=alg).status


for _id, _word in ((0, "0"), (UNKNOWN, "of no key"), (0x4000001F, "of an empty slot")):
    rows(
        f"id-{_word.replace(' ', '-')}",
        with_key,
        ("attributes", f"attributes of id {_word}", (HANDLE,), (0x0200, _id, (), (24,), 0)),
        ("export", f"export of id {_word}", (HANDLE,), (0x0205, _id, (), (64,), 0)),
        ("export-public", f"public key of id {_word}", (HANDLE,), (0x0206, _id, (), (64,), 0)),
        ("copy", f"copy of id {_word}", (HANDLE,), (0x0208, _id, (attributes(0),), (4,), 0)),
        ("purge", f"purge of id {_word}", (HANDLE,), (0x0207, _id, (), (), 0)),
        ("destroy", f"destruction of id {_word}", (HANDLE if _id else OK,), (0x0204, _id, (), (), 0)),
        ("mac", f"MAC with id {_word}", (HANDLE,), (0x0400, _id, (b"m",), (32,), HS256)),
        ("mac-setup", f"MAC in parts with id {_word}", (HANDLE,), (0x0402, _id, (), (4,), HS256)),
        ("cipher", f"encryption with id {_word}", (HANDLE,), (0x0500, _id, (KEY,), (64,), v.PSA_ALG_CTR)),
        (
            "cipher-setup",
            f"encryption in parts with id {_word}",
            (HANDLE,),
            (0x0502, _id, (), (4,), v.PSA_ALG_CTR),
        ),
        ("aead-setup", f"AEAD in parts with id {_word}", (HANDLE,), (0x0602, _id, (), (4,), v.PSA_ALG_GCM)),
        ("sign", f"signature with id {_word}", (HANDLE,), (0x0702, _id, (DIGEST,), (64,), ES256)),
        ("verify", f"verification with id {_word}", (HANDLE,), (0x0703, _id, (DIGEST, bytes(64)), (), ES256)),
        ("agree", f"agreement with id {_word}", (HANDLE,), (0x0900, _id, (EC_POINT,), (32,), v.PSA_ALG_ECDH)),
        (
            "asymmetric",
            f"RSA encryption with id {_word}",
            (HANDLE,),
            (0x0800, _id, (b"m",), (96,), v.PSA_ALG_RSA_PKCS1V15_CRYPT),
        ),
    )


@demand("export", "what was imported comes out", OK)
def same_bytes(c: Caller) -> int:
    answer = c.call(0x0205, key=c.imported(RAW, KEY, EXPORT), outs=(16,))
    assert answer.data == KEY
    return answer.status


@demand("export", "without PSA_KEY_USAGE_EXPORT", PERMITTED)
def without_usage(c: Caller) -> int:
    return c.call(0x0205, key=c.imported(RAW, KEY, ENCRYPT), outs=(16,)).status


@demand("export", "a public key needs no usage", OK)
def public_without_usage(c: Caller) -> int:
    answer = c.call(0x0205, key=c.imported(PUBLIC, EC_POINT), outs=(65,))
    assert answer.data == EC_POINT
    return answer.status


@demand("export", "the public key of a pair needs no usage", OK)
def public_of_a_pair(c: Caller) -> int:
    answer = c.call(0x0206, key=c.imported(PAIR, EC_SCALAR), outs=(80,))
    assert answer.data == EC_POINT
    return answer.status


@demand("export", "the public key of a symmetric key", ARGUMENT)
def public_of_symmetric(c: Caller) -> int:
    return c.call(0x0206, key=c.imported(AES, KEY, EXPORT), outs=(80,)).status


@demand("export", "a buffer that is too small", SMALL)
def small_buffer(c: Caller) -> int:
    answer = c.call(0x0205, key=c.imported(RAW, KEY, EXPORT), outs=(15,))
    assert answer.data == b""
    return answer.status


@demand("export", "a buffer that is too small for the public key", SMALL)
def small_public_buffer(c: Caller) -> int:
    return c.call(0x0206, key=c.imported(PAIR, EC_SCALAR), outs=(64,)).status


@demand("destroy", "the id means nothing afterwards", HANDLE)
def gone(c: Caller) -> int:
    key = c.imported(RAW, KEY, EXPORT)
    assert c.call(0x0204, key=key).status == OK
    assert c.call(0x0205, key=key, outs=(16,)).status == HANDLE
    return c.call(0x0204, key=key).status


@demand("destroy", "a multi-part operation with the key fails", S.PSA_ERROR_BAD_STATE)
def under_an_operation(c: Caller) -> int:
    key = c.imported(HMAC, KEY, SIGN_MESSAGE, HS256)
    op = c.begin(0x0402, 0x0407, key, HS256)
    assert c.call(0x0204, key=key).status == OK
    return c.call(0x0404, b"m", op=op).status


@demand("purge", "a persistent key is still there, and so is a volatile one", OK)
def keeps(c: Caller) -> int:
    stored = c.make(0x0203, attributes(RAW, usage=EXPORT, lifetime=1, key_id=9), KEY).number
    for key in (stored, c.imported(RAW, KEY, EXPORT)):
        assert c.call(0x0207, key=key).status == OK
        assert c.call(0x0205, key=key, outs=(16,)).data == KEY
    return c.call(0x0207, key=stored).status


def copying(source: tuple[int, bytes, int, int], target: bytes) -> Act:
    kind, data, usage, alg = source
    return lambda c: c.make(0x0208, target, key=c.imported(kind, data, usage, alg)).status


CTR, GCM = v.PSA_ALG_CTR, v.PSA_ALG_GCM
AES_COPY = (AES, KEY, COPY | ENCRYPT | EXPORT, CTR)
rows(
    "copy",
    copying,
    ("all-the-same", "the same policy", (OK,), (AES_COPY, attributes(AES, 128, ENCRYPT, CTR))),
    (
        "type-from-the-source",
        "type and size left to the source",
        (OK,),
        (AES_COPY, attributes(0, 0, ENCRYPT, CTR)),
    ),
    (
        "no-copy-usage",
        "without PSA_KEY_USAGE_COPY",
        (PERMITTED,),
        ((AES, KEY, ENCRYPT, CTR), attributes(0, 0, ENCRYPT, CTR)),
    ),
    ("other-type", "another type", (ARGUMENT,), (AES_COPY, attributes(HMAC, 0, ENCRYPT, CTR))),
    ("other-bits", "another size", (ARGUMENT,), (AES_COPY, attributes(AES, 192, ENCRYPT, CTR))),
    ("other-algorithm", "no algorithm in common", (ARGUMENT,), (AES_COPY, attributes(0, 0, ENCRYPT, GCM))),
    (
        "invalid-lifetime",
        "a location that is nobody's",
        (ARGUMENT,),
        (AES_COPY, attributes(0, 0, ENCRYPT, CTR, lifetime=0x12300)),
    ),
    (
        "volatile-with-id",
        "an id for a volatile copy",
        (ARGUMENT,),
        (AES_COPY, attributes(0, 0, ENCRYPT, CTR, key_id=5)),
    ),
)


@demand("copy", "usage is what both allow", OK)
def usage_of_both(c: Caller) -> int:
    copy = c.make(0x0208, attributes(0, 0, ENCRYPT | SIGN_HASH, CTR), key=c.imported(*AES_COPY)).number
    assert c.call(0x0200, key=copy, outs=(24,)).data == attributes(AES, 128, ENCRYPT, CTR, key_id=copy)
    return c.call(0x0500, b"text", key=copy, alg=CTR, outs=(32,)).status


@demand("copy", "of a wildcard and a member of it the member", OK)
def wildcard_and_member(c: Caller) -> int:
    wide = v.PSA_ALG_ECDSA(v.PSA_ALG_ANY_HASH)
    source = c.imported(PAIR, EC_SCALAR, COPY | SIGN_HASH, wide)
    copy = c.make(0x0208, attributes(0, 0, SIGN_HASH, ES256), key=source).number
    assert c.call(0x0200, key=copy, outs=(24,)).data[12:16] == ES256.to_bytes(4, "little")
    return c.call(0x0702, DIGEST, key=copy, alg=ES256, outs=(64,)).status


@demand("attributes", "type, size, lifetime, usage, algorithm and id are those of the key", OK)
def read_back(c: Caller) -> int:
    key = c.imported(AES, KEY, ENCRYPT | COPY, CTR, GCM)
    answer = c.call(0x0200, key=key, outs=(24,))
    assert answer.data == attributes(AES, 128, ENCRYPT | COPY, CTR, GCM, key_id=key)
    return answer.status


@demand("attributes", "a right for hashes brings that for messages", OK)
def implied_usage(c: Caller) -> int:
    key = c.imported(PAIR, EC_SCALAR, SIGN_HASH | VERIFY_HASH, ES256)
    both = SIGN_HASH | VERIFY_HASH | SIGN_MESSAGE | VERIFY_MESSAGE
    assert c.call(0x0200, key=key, outs=(24,)).data[8:12] == both.to_bytes(4, "little")
    return c.call(0x0700, b"message", key=key, alg=ES256, outs=(64,)).status


@demand("attributes", "room of another length than the structure", S.PSA_ERROR_PROGRAMMER_ERROR)
def wrong_length(c: Caller) -> int:
    return c.call(0x0203, attributes(RAW)[:23], KEY, outs=(4,)).status


def random_bytes(size: int, limit: int) -> Act:
    def act(c: Caller) -> int:
        first, again = (c.call(0x0100, outs=(size,)) for _ in range(2))
        if first.status == OK and size >= 16:
            assert len(first.data) == size
            assert first.data != again.data
        assert size <= limit or first.data == b""
        return first.status

    return act


for _size, _status in (
    (0, OK),
    (1, OK),
    (16, OK),
    (31, OK),
    (512, OK),
    (5120, OK),
    (5121, S.PSA_ERROR_INSUFFICIENT_MEMORY),
):
    rows(
        "random",
        random_bytes,
        (str(_size), f"{_size} bytes of the service's buffer of 5120", (_status,), (_size, 5120)),
    )


@demand("owner", "a handle of an operation that is not there is no key", HANDLE)
def handle_is_no_key(c: Caller) -> int:
    op = Operation(0x0307, 0)
    assert c.call(0x0302, op=op, alg=v.PSA_ALG_SHA_256, outs=(4,)).status == OK
    return c.call(0x0205, key=op.handle, outs=(16,)).status
