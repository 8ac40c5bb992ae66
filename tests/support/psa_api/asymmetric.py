"""Demands on signatures, public-key encryption, agreement and derivation (PSA Crypto 1.2, 10.6 to 10.9)."""

from support.asymmetric_keys import EC_POINT, EC_SCALAR, rsa_pair
from support.psa_api.caller import Caller, Operation, attributes, u32
from support.psa_api.demand import Act, demand, rows

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.status import PsaStatus as S

OK, ARGUMENT, SUPPORTED = S.PSA_SUCCESS, S.PSA_ERROR_INVALID_ARGUMENT, S.PSA_ERROR_NOT_SUPPORTED
STATE, SIGNATURE, SMALL = S.PSA_ERROR_BAD_STATE, S.PSA_ERROR_INVALID_SIGNATURE, S.PSA_ERROR_BUFFER_TOO_SMALL
PERMITTED, DATA = S.PSA_ERROR_NOT_PERMITTED, S.PSA_ERROR_INSUFFICIENT_DATA
PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
PUBLIC = v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(v.PSA_ECC_FAMILY_SECP_R1)
RSA, RSA_PUBLIC = v.PSA_KEY_TYPE_RSA_KEY_PAIR, v.PSA_KEY_TYPE_RSA_PUBLIC_KEY
AES, KEY, DERIVE = v.PSA_KEY_TYPE_AES, bytes(range(16)), v.PSA_KEY_TYPE_DERIVE
ES256, ES_ANY = v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_256), v.PSA_ALG_ECDSA_ANY
RS256, RS_RAW = v.PSA_ALG_RSA_PKCS1V15_SIGN(v.PSA_ALG_SHA_256), v.PSA_ALG_RSA_PKCS1V15_SIGN_RAW
UNKNOWN_SIGN = 0x06FE0009
SIGN_HASH, VERIFY_HASH = v.PSA_KEY_USAGE_SIGN_HASH, v.PSA_KEY_USAGE_VERIFY_HASH
ALL = SIGN_HASH | VERIFY_HASH | v.PSA_KEY_USAGE_SIGN_MESSAGE | v.PSA_KEY_USAGE_VERIFY_MESSAGE
DIGEST = bytes(range(32))
EC, EC_PUBLIC, AES_KEY = (PAIR, EC_SCALAR), (PUBLIC, EC_POINT), (AES, KEY)
RSA_KEY = (RSA, rsa_pair())
MESSAGE, HASH = (0x0700, 0x0701), (0x0702, 0x0703)

Kind = tuple[int, bytes]


def signing(
    key: Kind,
    alg: int,
    data: bytes,
    function: int,
    room: int = 96,
    policy: int | None = None,
    usage: int = ALL,
) -> Act:
    def act(c: Caller) -> int:
        made = c.imported(*key, usage, alg if policy is None else policy)
        return c.call(function, data, key=made, alg=alg, outs=(room,)).status

    return act


rows(
    "sign",
    signing,
    ("hash", "a hash", (OK,), (EC, ES256, DIGEST, 0x0702)),
    ("hash-rsa", "a hash, with RSA", (OK,), (RSA_KEY, RS256, DIGEST, 0x0702)),
    ("hash-raw", "any short input, with PKCS#1 v1.5 raw", (OK,), (RSA_KEY, RS_RAW, b"raw", 0x0702)),
    ("hash-public", "a public key", (ARGUMENT,), (EC_PUBLIC, ES256, DIGEST, 0x0702)),
    ("hash-aes", "an AES key", (ARGUMENT,), (AES_KEY, ES256, DIGEST, 0x0702)),
    ("hash-length", "a hash of another length", (ARGUMENT,), (EC, ES256, DIGEST[:31], 0x0702)),
    (
        "hash-unknown",
        "an algorithm that nobody defined",
        (ARGUMENT, SUPPORTED),
        (EC, UNKNOWN_SIGN, DIGEST, 0x0702),
    ),
    ("hash-usage", "without the usage", (PERMITTED,), (EC, ES256, DIGEST, 0x0702, 96, ES256, VERIFY_HASH)),
    (
        "hash-usage-message",
        "with the usage for messages alone",
        (PERMITTED,),
        (EC, ES256, DIGEST, 0x0702, 96, ES256, v.PSA_KEY_USAGE_SIGN_MESSAGE),
    ),
    (
        "hash-policy",
        "another hash than the policy's",
        (PERMITTED,),
        (EC, ES256, DIGEST, 0x0702, 96, v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_384)),
    ),
    ("hash-small", "a buffer that is too small", (SMALL,), (EC, ES256, DIGEST, 0x0702, 63)),
    ("message", "a message", (OK,), (EC, ES256, b"message", 0x0700)),
    ("message-raw", "PKCS#1 v1.5 raw is for hashes", (ARGUMENT,), (RSA_KEY, RS_RAW, b"message", 0x0700)),
    ("message-any", "ECDSA without a hash is for hashes", (ARGUMENT,), (EC, ES_ANY, b"message", 0x0700)),
    (
        "message-policy",
        "another algorithm than the policy's",
        (PERMITTED,),
        (EC, ES256, b"message", 0x0700, 96, v.PSA_ALG_ECDSA(v.PSA_ALG_SHA_384)),
    ),
    (
        "message-other-type",
        "an algorithm for another type of key",
        (ARGUMENT,),
        (EC, RS256, b"message", 0x0700),
    ),
    ("message-aes", "an AES key", (ARGUMENT,), (AES_KEY, ES256, b"message", 0x0700)),
    ("message-public", "a public key", (ARGUMENT,), (EC_PUBLIC, ES256, b"message", 0x0700)),
    ("message-small", "a buffer that is too small", (SMALL,), (EC, ES256, b"message", 0x0700, 63)),
)


def verifying(key: Kind, alg: int, data: bytes, signature: bytes, function: int, usage: int = ALL) -> Act:
    def act(c: Caller) -> int:
        return c.call(function, data, signature, key=c.imported(*key, usage, alg), alg=alg).status

    return act


rows(
    "verify",
    verifying,
    ("hash-wrong", "a wrong signature", (SIGNATURE,), (EC_PUBLIC, ES256, DIGEST, bytes([1]) * 64, 0x0703)),
    (
        "hash-size",
        "a signature of another size",
        (SIGNATURE,),
        (EC_PUBLIC, ES256, DIGEST, bytes([1]) * 63, 0x0703),
    ),
    (
        "hash-length",
        "a hash of another length",
        (ARGUMENT,),
        (EC_PUBLIC, ES256, DIGEST[:31], bytes([1]) * 64, 0x0703),
    ),
    ("hash-aes", "an AES key", (SUPPORTED,), (AES_KEY, ES256, DIGEST, bytes(64), 0x0703)),
    (
        "hash-usage",
        "without the usage",
        (PERMITTED,),
        (EC_PUBLIC, ES256, DIGEST, bytes(64), 0x0703, SIGN_HASH),
    ),
    (
        "hash-unknown",
        "an algorithm that nobody defined",
        (ARGUMENT, SUPPORTED),
        (EC_PUBLIC, UNKNOWN_SIGN, DIGEST, bytes(64), 0x0703),
    ),
    (
        "message-wrong",
        "a wrong signature",
        (SIGNATURE,),
        (EC_PUBLIC, ES256, b"message", bytes([1]) * 64, 0x0701),
    ),
    (
        "message-raw",
        "PKCS#1 v1.5 raw is for hashes",
        (ARGUMENT,),
        (RSA_KEY, RS_RAW, b"message", bytes(96), 0x0701),
    ),
    (
        "message-any",
        "ECDSA without a hash is for hashes",
        (ARGUMENT,),
        (EC, ES_ANY, b"message", bytes(64), 0x0701),
    ),
    ("message-aes", "an AES key", (ARGUMENT,), (AES_KEY, ES256, b"message", bytes(64), 0x0701)),
    (
        "message-other-type",
        "an algorithm for another type of key",
        (ARGUMENT,),
        (EC, RS256, b"message", bytes(64), 0x0701),
    ),
)


@demand("verify", "what was signed, with the public key", OK)
def signed(c: Caller) -> int:
    pair = c.imported(*EC, ALL, ES256)
    public = c.imported(*EC_PUBLIC, ALL, ES256)
    signature = c.call(0x0700, b"message", key=pair, alg=ES256, outs=(64,)).data
    assert c.call(0x0701, b"massage", signature, key=public, alg=ES256).status == SIGNATURE
    return c.call(0x0701, b"message", signature, key=public, alg=ES256).status


PKCS1, OAEP = v.PSA_ALG_RSA_PKCS1V15_CRYPT, v.PSA_ALG_RSA_OAEP(v.PSA_ALG_SHA_1)
CRYPT = v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_DECRYPT


def public_of(c: Caller) -> Kind:
    return RSA_PUBLIC, c.call(0x0206, key=c.imported(*RSA_KEY), outs=(200,)).data


def crypting(
    function: int, alg: int, *ins: bytes, key: Kind | None = RSA_KEY, room: int = 96, usage: int = CRYPT
) -> Act:
    def act(c: Caller) -> int:
        made = c.imported(*(key or public_of(c)), usage, alg)
        return c.call(function, *ins, key=made, alg=alg, outs=(room,)).status

    return act


def _crypt(name: str, text: str, statuses: tuple[int, ...], act: Act) -> None:
    rows("asymmetric", lambda: act, (name, text, statuses, ()))


_crypt("encrypt", "PKCS#1 v1.5", (OK,), crypting(0x0800, PKCS1, b"message"))
_crypt("encrypt-public", "with the public key", (OK,), crypting(0x0800, PKCS1, b"message", key=None))
_crypt("encrypt-oaep", "OAEP with a label", (OK,), crypting(0x0800, OAEP, b"message", b"label"))
_crypt("encrypt-salt", "a salt for PKCS#1 v1.5", (ARGUMENT,), crypting(0x0800, PKCS1, b"message", b"salt"))
_crypt("encrypt-small", "a small buffer", (SMALL,), crypting(0x0800, PKCS1, b"message", room=95))
_crypt("encrypt-long", "more than the key can take", (ARGUMENT,), crypting(0x0800, PKCS1, bytes(86)))
_crypt(
    "encrypt-ecc",
    "an elliptic curve key",
    (SUPPORTED,),
    crypting(0x0800, PKCS1, b"m", key=EC_PUBLIC),
)
_crypt("encrypt-aes", "an AES key", (ARGUMENT, SUPPORTED), crypting(0x0800, PKCS1, b"m", key=AES_KEY))
_crypt("encrypt-usage", "without the usage", (PERMITTED,), crypting(0x0800, PKCS1, b"m", usage=SIGN_HASH))
_crypt("decrypt-public", "a public key", (ARGUMENT,), crypting(0x0801, PKCS1, bytes(96), key=None))
_crypt("decrypt-salt", "a salt for PKCS#1 v1.5", (ARGUMENT,), crypting(0x0801, PKCS1, bytes(96), b"salt"))
_crypt("decrypt-length", "a ciphertext of another length", (ARGUMENT,), crypting(0x0801, PKCS1, bytes(95)))
_crypt(
    "decrypt-usage", "without the usage", (PERMITTED,), crypting(0x0801, PKCS1, bytes(96), usage=SIGN_HASH)
)


@demand("asymmetric", "what was encrypted, and with a buffer that is too small", SMALL)
def decrypted(c: Caller) -> int:
    key = c.imported(*RSA_KEY, CRYPT, PKCS1)
    box = c.call(0x0800, b"message", key=key, alg=PKCS1, outs=(96,)).data
    assert c.call(0x0801, box, key=key, alg=PKCS1, outs=(96,)).data == b"message"
    return c.call(0x0801, box, key=key, alg=PKCS1, outs=(6,)).status


ECDH, USE = v.PSA_ALG_ECDH, v.PSA_KEY_USAGE_DERIVE


def agreeing(
    key: Kind, peer: bytes, alg: int = ECDH, room: int = 32, policy: int = ECDH, usage: int = USE
) -> Act:
    def act(c: Caller) -> int:
        return c.call(0x0900, peer, key=c.imported(*key, usage, policy), alg=alg, outs=(room,)).status

    return act


P384_POINT = bytes.fromhex(
    "04aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
    "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"
)
"""The base point of P-384."""
HKDF = v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)
ECDH_HKDF = v.PSA_ALG_KEY_AGREEMENT(ECDH, HKDF)
rows(
    "agree",
    agreeing,
    ("ecdh", "ECDH", (OK,), (EC, EC_POINT)),
    ("other-curve", "a peer on another curve", (ARGUMENT,), (EC, P384_POINT)),
    ("not-on-the-curve", "a peer beside the curve", (ARGUMENT,), (EC, b"\4" + bytes(64))),
    ("public", "an own key that is public", (ARGUMENT,), (EC_PUBLIC, EC_POINT)),
    ("no-agreement", "an algorithm that is none", (ARGUMENT,), (EC, EC_POINT, ES256, 32, ES256)),
    ("usage", "without the usage", (PERMITTED,), (EC, EC_POINT, ECDH, 32, ECDH, SIGN_HASH)),
    (
        "policy",
        "a policy for the agreement with a derivation alone",
        (PERMITTED,),
        (EC, EC_POINT, ECDH, 32, ECDH_HKDF),
    ),
    ("small", "a buffer that is too small", (SMALL,), (EC, EC_POINT, ECDH, 31)),
)

SECRET, SALT, INFO = (
    v.PSA_KEY_DERIVATION_INPUT_SECRET,
    v.PSA_KEY_DERIVATION_INPUT_SALT,
    v.PSA_KEY_DERIVATION_INPUT_INFO,
)
COST, LABEL, SEED = (
    v.PSA_KEY_DERIVATION_INPUT_COST,
    v.PSA_KEY_DERIVATION_INPUT_LABEL,
    v.PSA_KEY_DERIVATION_INPUT_SEED,
)
PBKDF2 = v.PSA_ALG_PBKDF2_HMAC(v.PSA_ALG_SHA_256)
TLS_PRF = v.PSA_ALG_TLS12_PRF(v.PSA_ALG_SHA_256)


def kdf_setup(alg: int) -> Act:
    return lambda c: c.call(0x0901, alg=alg, outs=(4,), op=Operation(0x090A)).status


rows(
    "kdf-setup",
    kdf_setup,
    ("bare-agreement", "an agreement without a derivation", (ARGUMENT, SUPPORTED), (ECDH,)),
    ("unknown", "a derivation that nobody defined", (SUPPORTED, ARGUMENT), (0x08FE0009,)),
    ("no-kdf", "an algorithm that is none", (ARGUMENT, SUPPORTED), (v.PSA_ALG_CTR,)),
)


def derivation(c: Caller, alg: int = HKDF, *, ready: bool = False) -> Operation:
    op = c.begin(0x0901, 0x090A, alg=alg)
    if ready:
        key = c.imported(DERIVE, KEY, USE, alg)
        assert c.call(0x0905, op=op, key=key, step=SECRET).status == OK
        assert c.call(0x0904, b"info", op=op, step=INFO).status == OK
    return op


def key_input(kind: int, usage: int, policy: int, step: int, alg: int = HKDF) -> Act:
    return lambda c: (
        c.call(0x0905, op=derivation(c, alg), key=c.imported(kind, KEY, usage, policy), step=step).status
    )


rows(
    "kdf-key",
    key_input,
    ("secret", "a key of PSA_KEY_TYPE_DERIVE as the secret", (OK,), (DERIVE, USE, HKDF, SECRET)),
    ("aes", "an AES key as the secret", (ARGUMENT,), (AES, USE, HKDF, SECRET)),
    ("salt", "a secret key as the salt", (ARGUMENT,), (DERIVE, USE, HKDF, SALT)),
    ("usage", "without the usage", (PERMITTED,), (DERIVE, v.PSA_KEY_USAGE_EXPORT, HKDF, SECRET)),
    ("policy", "for another derivation", (PERMITTED,), (DERIVE, USE, TLS_PRF, SECRET)),
    ("step", "a step of another derivation", (ARGUMENT,), (DERIVE, USE, HKDF, SEED)),
)


def bytes_input(alg: int, *steps: int) -> Act:
    def act(c: Caller) -> int:
        op = derivation(c, alg)
        return [c.call(0x0904, b"input", op=op, step=step).status for step in steps][-1]

    return act


rows(
    "kdf-bytes",
    bytes_input,
    ("salt", "a salt for HKDF", (OK,), (HKDF, SALT)),
    ("step", "a step of another derivation", (ARGUMENT,), (HKDF, LABEL)),
    ("twice", "a step twice", (STATE,), (HKDF, SALT, SALT)),
    ("order", "the salt after the secret", (STATE,), (HKDF, SECRET, SALT)),
    ("prf-order", "the label before the seed", (STATE,), (TLS_PRF, LABEL)),
    ("cost", "the cost as bytes", (ARGUMENT,), (PBKDF2, COST)),
)


def cost(alg: int, step: int, value: int) -> Act:
    return lambda c: c.call(0x0906, op=derivation(c, alg), step=step, value=value).status


rows(
    "kdf-integer",
    cost,
    ("cost", "the cost of PBKDF2", (OK,), (PBKDF2, COST, 2)),
    ("cost-0", "a cost of 0", (ARGUMENT,), (PBKDF2, COST, 0)),
    ("step", "a step that is no cost", (ARGUMENT,), (PBKDF2, SALT, 2)),
    ("hkdf", "a derivation without a cost", (ARGUMENT,), (HKDF, COST, 2)),
)


@demand("kdf", "output before the inputs are there", STATE)
def output_early(c: Caller) -> int:
    return c.call(0x0908, op=derivation(c), outs=(16,)).status


@demand("kdf", "an input after the first output", STATE)
def input_late(c: Caller) -> int:
    op = derivation(c, ready=True)
    assert c.call(0x0908, op=op, outs=(16,)).status == OK
    return c.call(0x0904, b"info", op=op, step=INFO).status


@demand("kdf", "the capacity goes down with every output", OK)
def capacity(c: Caller) -> int:
    op = derivation(c, ready=True)
    assert c.call(0x0903, op=op, value=40).status == OK
    assert c.call(0x0908, op=op, outs=(16,)).status == OK
    answer = c.call(0x0902, outs=(4,), op=Operation(0, op.handle))
    assert answer.data == u32(24)
    return answer.status


@demand("kdf", "a capacity above the present one", ARGUMENT)
def capacity_up(c: Caller) -> int:
    op = derivation(c)
    assert c.call(0x0903, op=op, value=40).status == OK
    return c.call(0x0903, op=op, value=41).status


@demand("kdf", "more than the capacity: nothing comes, now and later", DATA)
def output_more(c: Caller) -> int:
    op = derivation(c, ready=True)
    assert c.call(0x0903, op=op, value=40).status == OK
    assert c.call(0x0908, op=op, outs=(41,)).status == DATA
    assert c.call(0x0902, outs=(4,), op=Operation(0, op.handle)).data == u32(0)
    return c.call(0x0908, op=op, outs=(1,)).status


def key_output(kind: int, bits: int) -> Act:
    def act(c: Caller) -> int:
        op = derivation(c, ready=True)
        answer = c.call(0x0909, attributes(kind, bits), op=Operation(0, op.handle), outs=(4,))
        if answer.status == OK:
            c.keys.append(answer.number)
        return answer.status

    return act


rows(
    "kdf-output-key",
    key_output,
    ("aes", "an AES key", (OK,), (AES, 128)),
    ("ecc", "a key pair on P-256", (OK,), (PAIR, 256)),
    ("size-0", "no size", (ARGUMENT,), (AES, 0)),
    ("public", "a public key", (ARGUMENT, SUPPORTED), (PUBLIC, 256)),
    ("rsa", "an RSA key", (ARGUMENT, SUPPORTED), (RSA, 1024)),
    ("more", "more than the capacity", (DATA,), (v.PSA_KEY_TYPE_RAW_DATA, 8 * (255 * 32 + 1))),
)


@demand("kdf", "a key of a secret that was bytes", PERMITTED)
def key_of_bytes(c: Caller) -> int:
    op = derivation(c)
    for step in (SECRET, INFO):
        assert c.call(0x0904, b"input", op=op, step=step).status == OK
    return c.call(0x0909, attributes(AES, 128), op=Operation(0, op.handle), outs=(4,)).status


def kdf_agreeing(key: Kind, peer: bytes, step: int = SECRET, usage: int = USE, policy: int = ECDH) -> Act:
    def act(c: Caller) -> int:
        op = derivation(c, ECDH_HKDF)
        return c.call(0x0907, peer, op=op, key=c.imported(*key, usage, policy), step=step).status

    return act


rows(
    "kdf-agreement",
    kdf_agreeing,
    ("secret", "the policy of a bare agreement allows the combination", (OK,), (EC, EC_POINT)),
    ("other-curve", "a peer on another curve", (ARGUMENT,), (EC, P384_POINT)),
    ("public", "an own key that is public", (ARGUMENT,), (EC_PUBLIC, EC_POINT)),
    ("usage", "without the usage", (PERMITTED,), (EC, EC_POINT, SECRET, SIGN_HASH)),
    ("step", "a step that is no secret", (ARGUMENT,), (EC, EC_POINT, SALT)),
)


def compared(usage: int, expected: bytes | None) -> Act:
    def act(c: Caller) -> int:
        op = c.begin(0x0901, 0x090A, alg=HKDF)
        assert c.call(0x0905, op=op, key=c.imported(DERIVE, KEY, usage, HKDF), step=SECRET).status == OK
        assert c.call(0x0904, b"info", op=op, step=INFO).status == OK
        assert c.call(0x0903, op=op, value=40).status == OK
        if expected is None:
            return c.call(0x0908, op=op, outs=(16,)).status
        return c.call(0xF901, expected, op=op).status

    return act


rows(
    "kdf-verify",
    compared,
    ("mismatch", "bytes that are others", (SIGNATURE,), (v.PSA_KEY_USAGE_VERIFY_DERIVATION, bytes(16))),
    (
        "output",
        "a key for comparison alone gives no output",
        (PERMITTED,),
        (v.PSA_KEY_USAGE_VERIFY_DERIVATION, None),
    ),
    ("more", "more than the capacity", (DATA,), (USE, bytes(41))),
)
