"""Demands on what PSA Crypto 1.2 has and TF-M's service lacks; the function ids are ours."""

from dataclasses import dataclass, field

from support.asymmetric_keys import EC_POINT, EC_SCALAR
from support.psa_api.caller import Answer, Caller, Operation, attributes
from support.psa_api.demand import Act, demand, rows

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.status import PsaStatus as S

OK, ARGUMENT, SUPPORTED = S.PSA_SUCCESS, S.PSA_ERROR_INVALID_ARGUMENT, S.PSA_ERROR_NOT_SUPPORTED
STATE, SIGNATURE, SMALL = S.PSA_ERROR_BAD_STATE, S.PSA_ERROR_INVALID_SIGNATURE, S.PSA_ERROR_BUFFER_TOO_SMALL
PERMITTED = S.PSA_ERROR_NOT_PERMITTED
PASSWORD, DERIVE, AES, USE = (
    v.PSA_KEY_TYPE_PASSWORD,
    v.PSA_KEY_TYPE_DERIVE,
    v.PSA_KEY_TYPE_AES,
    v.PSA_KEY_USAGE_DERIVE,
)
PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
HASHED, CHECK = v.PSA_KEY_TYPE_PASSWORD_HASH, v.PSA_KEY_USAGE_VERIFY_DERIVATION
SHA256, HKDF, ECDH = v.PSA_ALG_SHA_256, v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256), v.PSA_ALG_ECDH
JPAKE = v.PSA_ALG_JPAKE(SHA256)
P256 = v.PSA_PAKE_PRIMITIVE(v.PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_R1, 256)
P192K1 = v.PSA_PAKE_PRIMITIVE(v.PSA_PAKE_PRIMITIVE_TYPE_ECC, v.PSA_ECC_FAMILY_SECP_K1, 192)
UNCONFIRMED, CONFIRMED = v.PSA_PAKE_UNCONFIRMED_KEY, v.PSA_PAKE_CONFIRMED_KEY
SHARE, ZK_PUBLIC, ZK_PROOF = (
    v.PSA_PAKE_STEP_KEY_SHARE,
    v.PSA_PAKE_STEP_ZK_PUBLIC,
    v.PSA_PAKE_STEP_ZK_PROOF,
)
ROUND = ((SHARE, 65), (ZK_PUBLIC, 65), (ZK_PROOF, 32))
SETUP, ROLE, USER, PEER, CONTEXT, OUTPUT, INPUT, SHARED, ABORT = range(0xFA00, 0xFA09)


@dataclass
class Exchange:
    """One side of an exchange by J-PAKE."""

    caller: Caller
    op: Operation = field(default_factory=lambda: Operation(ABORT))

    def setup(
        self,
        kind: int = PASSWORD,
        alg: int = JPAKE,
        primitive: int = P256,
        confirmation: int = UNCONFIRMED,
        usage: int = USE,
        policy: int | None = None,
    ) -> int:
        key = self.caller.imported(kind, b"sixteen letters.", usage, alg if policy is None else policy)
        value = primitive | confirmation << 32
        return self.call(SETUP, outs=(4,), key=key, alg=alg, value=value).status

    def call(
        self,
        function: int,
        *ins: bytes,
        outs: tuple[int, ...] = (),
        key: int = 0,
        alg: int = 0,
        value: int = 0,
    ) -> Answer:
        return self.caller.call(function, *ins, op=self.op, outs=outs, key=key, alg=alg, value=value)

    def named(self, user: bytes, peer: bytes) -> "Exchange":
        assert self.setup() == OK
        assert (self.call(USER, user).status, self.call(PEER, peer).status) == (OK, OK)
        return self

    def out(self, step: int, room: int) -> Answer:
        return self.caller.call(OUTPUT, op=Operation(0, self.op.handle), outs=(room,), step=step)

    def take(self, step: int, data: bytes) -> int:
        return self.caller.call(INPUT, data, op=Operation(0, self.op.handle), step=step).status

    def shared_key(self, asked: bytes) -> Answer:
        answer = self.call(SHARED, asked, outs=(4, 4))
        if answer.status == OK:
            self.caller.keys.append(answer.number)
        return answer


def both(c: Caller) -> tuple[Exchange, Exchange]:
    return Exchange(c).named(b"client", b"server"), Exchange(c).named(b"server", b"client")


def run(one: Exchange, other: Exchange) -> None:
    for times in (2, 1):
        for here, there in ((one, other), (other, one)):
            said = [(step, here.out(step, room).data) for _ in range(times) for step, room in ROUND]
            for step, data in said:
                assert there.take(step, data) == OK


@demand("pake", "J-PAKE: both sides derive the same", OK)
def jpake(c: Caller) -> int:
    sides = both(c)
    run(*sides)
    secrets = []
    for side in sides:
        key = side.shared_key(attributes(DERIVE, usage=USE, alg=HKDF))
        assert (key.status, side.op.handle) == (OK, 0)
        kdf = c.begin(0x0901, 0x090A, alg=HKDF)
        assert c.call(0x0905, op=kdf, key=key.number, step=v.PSA_KEY_DERIVATION_INPUT_SECRET).status == OK
        assert c.call(0x0904, b"", op=kdf, step=v.PSA_KEY_DERIVATION_INPUT_INFO).status == OK
        secrets.append(c.call(0x0908, op=Operation(0, kdf.handle), outs=(32,)))
    assert secrets[0].data == secrets[1].data
    return secrets[0].status


def pake_setup(*arguments: object) -> Act:
    return lambda c: Exchange(c).setup(*arguments)  # type: ignore[arg-type]


rows(
    "pake-setup",
    pake_setup,
    ("jpake", "J-PAKE over P-256 with a password", (OK,), ()),
    ("primitive", "a primitive that the algorithm cannot have", (SUPPORTED,), (PASSWORD, JPAKE, P192K1)),
    ("confirmation", "J-PAKE confirms no key", (ARGUMENT,), (PASSWORD, JPAKE, P256, CONFIRMED)),
    ("key-type", "a key that is no password", (ARGUMENT,), (AES,)),
    ("no-pake", "an algorithm that is none", (ARGUMENT,), (PASSWORD, SHA256)),
    (
        "usage",
        "without the usage",
        (PERMITTED,),
        (PASSWORD, JPAKE, P256, UNCONFIRMED, v.PSA_KEY_USAGE_EXPORT),
    ),
    ("policy", "for something else", (PERMITTED,), (PASSWORD, JPAKE, P256, UNCONFIRMED, USE, HKDF)),
)


def before_setup(function: int, ins: tuple[bytes, ...], outs: tuple[int, ...], value: int = 0) -> Act:
    return lambda c: c.call(function, *ins, op=Operation(0), outs=outs, value=value).status


rows(
    "pake-no-setup",
    before_setup,
    ("role", "psa_pake_set_role", (STATE,), (ROLE, (), ())),
    ("user", "psa_pake_set_user", (STATE,), (USER, (b"client",), ())),
    ("peer", "psa_pake_set_peer", (STATE,), (PEER, (b"server",), ())),
    ("context", "psa_pake_set_context", (STATE,), (CONTEXT, (b"context",), ())),
    ("output", "psa_pake_output", (STATE,), (OUTPUT, (), (65,))),
    ("input", "psa_pake_input", (STATE,), (INPUT, (EC_POINT,), ())),
    ("shared-key", "psa_pake_get_shared_key", (STATE,), (SHARED, (attributes(DERIVE),), (4, 4))),
    ("abort", "psa_pake_abort: no error", (OK,), (ABORT, (), (4,))),
)


def after_setup(function: int, *ins: bytes, value: int = 0) -> Act:
    def act(c: Caller) -> int:
        side = Exchange(c)
        assert side.setup() == OK
        return [side.call(function, data, value=value).status for data in ins or (b"",)][-1]

    return act


rows("pake", lambda: after_setup(USER, b""), ("user-empty", "a name of no bytes", (ARGUMENT,), ()))
rows("pake", lambda: after_setup(PEER, b""), ("peer-empty", "a peer's name of no bytes", (ARGUMENT,), ()))
rows("pake", lambda: after_setup(USER, b"a", b"b"), ("user-twice", "the name twice", (STATE,), ()))
rows("pake", lambda: after_setup(CONTEXT, b"x"), ("context", "J-PAKE has no context", (STATE,), ()))
rows(
    "pake",
    lambda: after_setup(ROLE, value=v.PSA_PAKE_ROLE_CLIENT),
    ("role", "J-PAKE has no roles", (ARGUMENT,), ()),
)


@demand("pake", "a step before the names are known", STATE)
def no_names(c: Caller) -> int:
    side = Exchange(c)
    assert side.setup() == OK
    return side.out(SHARE, 65).status


@demand("pake", "a step out of order", STATE)
def order(c: Caller) -> int:
    return both(c)[0].out(ZK_PROOF, 32).status


@demand("pake", "a small buffer", SMALL)
def small_step(c: Caller) -> int:
    return both(c)[0].out(SHARE, 64).status


@demand("pake", "a share that is no point of the curve", SIGNATURE, ARGUMENT)
def bad_share(c: Caller) -> int:
    return both(c)[0].take(SHARE, b"\4" + bytes(64))


@demand("pake", "a proof that does not fit, and no more after that", STATE)
def bad_proof(c: Caller) -> int:
    one, other = both(c)
    for step, room in ROUND[:2]:
        assert other.take(step, one.out(step, room).data) == OK
    assert other.take(ZK_PROOF, bytes(31) + b"\1") == SIGNATURE
    return other.take(SHARE, EC_POINT)


@demand("pake", "the secret before the exchange is over", STATE)
def early(c: Caller) -> int:
    return both(c)[0].shared_key(attributes(DERIVE, usage=USE, alg=HKDF)).status


def sharing(asked: bytes) -> Act:
    def act(c: Caller) -> int:
        sides = both(c)
        run(*sides)
        return sides[0].shared_key(asked).status

    return act


rows(
    "pake-shared-key",
    sharing,
    ("derive", "as a secret to derive from", (OK,), (attributes(DERIVE, usage=USE, alg=HKDF),)),
    ("bits", "with a size", (ARGUMENT,), (attributes(DERIVE, 256, USE, HKDF),)),
    ("aes", "as a key that wants a pseudo-random secret", (ARGUMENT, SUPPORTED), (attributes(AES),)),
)


def agreeing(asked: bytes, alg: int = ECDH, peer: bytes = EC_POINT, usage: int = USE) -> Act:
    def act(c: Caller) -> int:
        key = c.imported(PAIR, EC_SCALAR, usage, ECDH)
        answer = c.call(0xF900, peer, asked, key=key, alg=alg, outs=(4,))
        if answer.status == OK:
            c.keys.append(answer.number)
        return answer.status

    return act


AS_SECRET = attributes(DERIVE, usage=USE, alg=HKDF)
rows(
    "agree-to-a-key",
    agreeing,
    ("ecdh", "the secret as a key", (OK,), (AS_SECRET,)),
    ("size", "with the size that it has", (OK,), (attributes(DERIVE, 256, USE, HKDF),)),
    ("other-size", "with another size", (ARGUMENT,), (attributes(DERIVE, 128, USE, HKDF),)),
    ("type", "as a key pair", (ARGUMENT,), (attributes(PAIR, 256),)),
    ("no-agreement", "an algorithm that is none", (ARGUMENT, SUPPORTED), (AS_SECRET, HKDF)),
    ("peer", "a peer that is no point", (ARGUMENT,), (AS_SECRET, ECDH, b"\4" + bytes(64))),
    ("usage", "without the usage", (PERMITTED,), (AS_SECRET, ECDH, EC_POINT, v.PSA_KEY_USAGE_EXPORT)),
)


def derived(c: Caller, key: int) -> Operation:
    op = c.begin(0x0901, 0x090A, alg=HKDF)
    assert c.call(0x0905, op=op, key=key, step=v.PSA_KEY_DERIVATION_INPUT_SECRET).status == OK
    assert c.call(0x0904, b"", op=op, step=v.PSA_KEY_DERIVATION_INPUT_INFO).status == OK
    return op


def comparing(kind: int, usage: int, *, same: bool) -> Act:
    def act(c: Caller) -> int:
        secret = c.imported(DERIVE, bytes(16), USE, HKDF)
        output = c.call(0x0908, op=Operation(0, derived(c, secret).handle), outs=(32,)).data
        expected = c.imported(kind, output if same else bytes(32), usage, HKDF)
        assert c.call(0xF901, output, op=derived(c, secret)).status == OK
        return c.call(0xF902, op=derived(c, secret), key=expected).status

    return act


def _compare(name: str, text: str, status: int, act: Act) -> None:
    rows("kdf-verify-key", lambda: act, (name, text, (status,), ()))


_compare("same", "the key that is expected", OK, comparing(HASHED, CHECK, same=True))
_compare("mismatch", "another key", SIGNATURE, comparing(HASHED, CHECK, same=False))
_compare("type", "an expected key of another type", ARGUMENT, comparing(DERIVE, CHECK, same=True))
_compare("usage", "an expected key without the usage", PERMITTED, comparing(HASHED, USE, same=True))


@demand("hash", "an operation goes on elsewhere from its state", OK)
def suspended(c: Caller) -> int:
    op = c.begin(0x0302, 0x0307, alg=SHA256)
    assert c.call(0x0303, bytes(100), op=op).status == OK
    state = c.call(0xF300, op=op, outs=(4, 200))
    assert (state.status, op.handle) == (OK, 0)
    other = Operation(0x0307)
    assert c.call(0xF301, state.data, op=other, outs=(4,)).status == OK
    at_once = c.call(0x0300, bytes(100), alg=SHA256, outs=(32,)).data
    answer = c.call(0x0305, op=other, outs=(4, 32))
    assert answer.data == at_once
    return answer.status


def custom(exponent: bytes, flags: int = 0, kind: int = v.PSA_KEY_TYPE_RSA_KEY_PAIR) -> Act:
    def act(c: Caller) -> int:
        bits = 1024 if kind == v.PSA_KEY_TYPE_RSA_KEY_PAIR else 256
        answer = c.call(0xF200, attributes(kind, bits), exponent, value=flags, outs=(4,))
        if answer.status == OK:
            c.keys.append(answer.number)
        return answer.status

    return act


rows(
    "generate-custom",
    custom,
    ("exponent", "an RSA key with the exponent 3", (OK,), (b"\3",)),
    ("even", "an even exponent", (ARGUMENT,), (b"\4",)),
    ("flags", "flags, of which there are none", (ARGUMENT,), (b"", 1)),
    ("ecc", "an exponent for an elliptic curve key", (ARGUMENT,), (b"\3", 0, PAIR)),
)
