"""Sessions that would succeed, step by step, if nobody altered them: a hostile client alters some steps.

Each session is a generator: it yields the call that it wants to make and gets the answer. It is the client's
whole knowledge of how the services are used; whatever an altered step leads to, the session goes on.
"""

from collections.abc import Generator
from dataclasses import dataclass
from random import Random
from typing import Final

from support.hostile_client import Answer, Attacker, HostileCall
from support.hostile_values import ALL, KDFS, SIGNATURES

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import InVec
from tfm_sim.interface.psa.crypto_pake import PSA_ALG_JPAKE, PSA_ALG_SPAKE2P_HMAC
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.tfm.crypto import Function as F
from tfm_sim.interface.tfm.crypto import PackIovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE

Session = Generator[HostileCall, Answer, None]
S256 = v.PSA_ALG_SHA_256
R1 = v.PSA_ECC_FAMILY_SECP_R1
P256: Final = 0x01 << 24 | R1 << 16 | 256
ROOM: Final = 2048
PIECES: Final = (0, 1, 15, 16, 16, 17, 32, 48, 64, 100, 1000)


def call(function: int, *inputs: InVec, rooms: tuple[int, ...] = (), **fields: int | bytes) -> HostileCall:
    iovec = PackIovec(function_id=function, **fields)  # type: ignore[arg-type]
    return HostileCall(TFM_CRYPTO_HANDLE, 0, (iovec.encode(), *inputs), rooms, function)


def number(answer: Answer, place: int = 0) -> int:
    """A handle or key id, 0 where there is none."""
    return int.from_bytes(answer.outputs[place][:4], "little") if len(answer.outputs) > place else 0


def first(answer: Answer, place: int = 0) -> bytes:
    return answer.outputs[place] if len(answer.outputs) > place else b""


@dataclass
class Draw:
    """What the sessions draw."""

    random: Random

    def of(self, values: tuple[int, ...]) -> int:
        return values[self.random.randrange(len(values))]

    def some(self, length: int) -> bytes:
        return self.random.randbytes(length)

    def piece(self) -> bytes:
        return self.random.randbytes(self.of(PIECES))

    def times(self, limit: int) -> range:
        return range(self.random.randrange(limit + 1))


def new_key(kind: int, bits: int, alg: int, alg2: int = 0) -> HostileCall:
    attributes = KeyAttributes(kind, bits, usage=ALL, alg=alg, alg2=alg2)
    return call(F.GENERATE_KEY, attributes.encode(), rooms=(4,))


def hashing(draw: Draw) -> Session:
    alg = 0x02000000 | draw.of((5, 8, 9, 0x0A, 0x0B, 0x0C, 0x0D, 0x10, 0x11, 0x13, 0x15))
    handle = number((yield call(F.HASH_SETUP, rooms=(4,), alg=alg)))
    for _ in draw.times(3):
        yield call(F.HASH_UPDATE, draw.piece(), op_handle=handle)
    twin = number((yield call(F.HASH_CLONE, bytes(4), rooms=(4,), op_handle=handle)))
    state = first((yield call(F.HASH_SUSPEND, rooms=(4, ROOM), op_handle=handle)), 1)
    again = number((yield call(F.HASH_RESUME, state, rooms=(4,))))
    yield call(F.HASH_UPDATE, draw.piece(), op_handle=again)
    digest = first((yield call(F.HASH_FINISH, rooms=(4, 64), op_handle=again)), 1)
    yield call(F.HASH_VERIFY, digest, rooms=(4,), op_handle=twin)
    for left in (handle, twin, again):
        yield call(F.HASH_ABORT, rooms=(4,), op_handle=left)


def macs(draw: Draw) -> Session:
    kind, bits, alg = (
        (v.PSA_KEY_TYPE_HMAC, draw.of((8, 256, 1024)), v.PSA_ALG_HMAC(S256)),
        (v.PSA_KEY_TYPE_AES, draw.of((128, 192, 256)), v.PSA_ALG_CMAC),
        (v.PSA_KEY_TYPE_HMAC, 512, v.PSA_ALG_TRUNCATED_MAC(v.PSA_ALG_HMAC(v.PSA_ALG_SHA3_256), 8)),
    )[draw.of((0, 1, 2))]
    key = number((yield new_key(kind, bits, alg)))
    data = draw.piece()
    mac = first((yield call(F.MAC_COMPUTE, data, rooms=(64,), key_id=key, alg=alg)))
    yield call(F.MAC_VERIFY, data, mac, key_id=key, alg=alg)
    handle = number((yield call(F.MAC_VERIFY_SETUP, rooms=(4,), key_id=key, alg=alg)))
    yield call(F.MAC_UPDATE, data[:9], op_handle=handle)
    yield call(F.MAC_UPDATE, data[9:], op_handle=handle)
    yield call(F.MAC_VERIFY_FINISH, mac, rooms=(4,), op_handle=handle)
    yield call(F.MAC_ABORT, rooms=(4,), op_handle=handle)
    handle = number((yield call(F.MAC_SIGN_SETUP, rooms=(4,), key_id=key, alg=alg)))
    yield call(F.MAC_SIGN_FINISH, rooms=(4, 64), op_handle=handle)
    yield call(F.MAC_ABORT, rooms=(4,), op_handle=handle)
    yield call(F.DESTROY_KEY, key_id=key)


CIPHERS: Final = (
    *((v.PSA_KEY_TYPE_AES, alg) for alg in (v.PSA_ALG_ECB_NO_PADDING, v.PSA_ALG_CBC_NO_PADDING)),
    *(
        (v.PSA_KEY_TYPE_AES, alg)
        for alg in (v.PSA_ALG_CBC_PKCS7, v.PSA_ALG_CTR, v.PSA_ALG_CFB, v.PSA_ALG_OFB)
    ),
    *((v.PSA_KEY_TYPE_AES, alg) for alg in (v.PSA_ALG_XTS, v.PSA_ALG_CCM_STAR_NO_TAG)),
    *((v.PSA_KEY_TYPE_CAMELLIA, alg) for alg in (v.PSA_ALG_CBC_PKCS7, v.PSA_ALG_CTR)),
    (v.PSA_KEY_TYPE_CHACHA20, v.PSA_ALG_STREAM_CIPHER),
    (v.PSA_KEY_TYPE_XCHACHA20, v.PSA_ALG_STREAM_CIPHER),
)


def ciphers(draw: Draw) -> Session:
    kind, alg = CIPHERS[draw.random.randrange(len(CIPHERS))]
    bits = draw.of((128, 256)) if kind == v.PSA_KEY_TYPE_AES and alg != v.PSA_ALG_XTS else 256
    key = number((yield new_key(kind, bits, alg)))
    data = draw.some(16 * draw.of((0, 1, 2, 5)) + draw.of((0, 0, 0, 7)))
    sealed = first((yield call(F.CIPHER_ENCRYPT, data, rooms=(ROOM,), key_id=key, alg=alg)))
    yield call(F.CIPHER_DECRYPT, sealed, rooms=(ROOM,), key_id=key, alg=alg)
    handle = number((yield call(F.CIPHER_ENCRYPT_SETUP, rooms=(4,), key_id=key, alg=alg)))
    iv = first((yield call(F.CIPHER_GENERATE_IV, rooms=(32,), op_handle=handle)))
    ciphertext = first((yield call(F.CIPHER_UPDATE, data[:17], rooms=(ROOM,), op_handle=handle)))
    ciphertext += first((yield call(F.CIPHER_UPDATE, data[17:], rooms=(ROOM,), op_handle=handle)))
    ciphertext += first((yield call(F.CIPHER_FINISH, rooms=(4, 64), op_handle=handle)), 1)
    yield call(F.CIPHER_ABORT, rooms=(4,), op_handle=handle)
    handle = number((yield call(F.CIPHER_DECRYPT_SETUP, rooms=(4,), key_id=key, alg=alg)))
    yield call(F.CIPHER_SET_IV, iv, op_handle=handle)
    yield call(F.CIPHER_UPDATE, ciphertext, rooms=(ROOM,), op_handle=handle)
    yield call(F.CIPHER_FINISH, rooms=(4, 64), op_handle=handle)
    yield call(F.CIPHER_ABORT, rooms=(4,), op_handle=handle)
    yield call(F.DESTROY_KEY, key_id=key)


AEADS: Final = (
    *((v.PSA_KEY_TYPE_AES, 128, alg) for alg in (v.PSA_ALG_GCM, v.PSA_ALG_CCM)),
    (v.PSA_KEY_TYPE_AES, 256, v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(v.PSA_ALG_GCM, 4)),
    (v.PSA_KEY_TYPE_CAMELLIA, 256, v.PSA_ALG_AEAD_WITH_SHORTENED_TAG(v.PSA_ALG_CCM, 8)),
    (v.PSA_KEY_TYPE_CAMELLIA, 128, v.PSA_ALG_GCM),
    (v.PSA_KEY_TYPE_CHACHA20, 256, v.PSA_ALG_CHACHA20_POLY1305),
)


def aeads(draw: Draw) -> Session:
    kind, bits, alg = AEADS[draw.random.randrange(len(AEADS))]
    key = number((yield new_key(kind, bits, alg)))
    ad, data, nonce = draw.piece(), draw.piece(), draw.some(16)
    fields: dict[str, int | bytes] = {"key_id": key, "alg": alg, "nonce": nonce, "nonce_length": 12}
    sealed = first((yield call(F.AEAD_ENCRYPT, data, ad, rooms=(ROOM,), **fields)))
    yield call(F.AEAD_DECRYPT, sealed, ad, rooms=(ROOM,), **fields)
    tag = v.PSA_ALG_AEAD_GET_TAG_LENGTH(alg)
    for setup, body in ((F.AEAD_ENCRYPT_SETUP, data), (F.AEAD_DECRYPT_SETUP, sealed[: len(sealed) - tag])):
        handle = number((yield call(setup, rooms=(4,), key_id=key, alg=alg)))
        yield call(F.AEAD_SET_LENGTHS, op_handle=handle, ad_length=len(ad), plaintext_length=len(data))
        yield call(F.AEAD_SET_NONCE, nonce[:12], op_handle=handle)
        yield call(F.AEAD_UPDATE_AD, ad[:5], op_handle=handle)
        yield call(F.AEAD_UPDATE_AD, ad[5:], op_handle=handle)
        yield call(F.AEAD_UPDATE, body[:19], rooms=(ROOM,), op_handle=handle)
        yield call(F.AEAD_UPDATE, body[19:], rooms=(ROOM,), op_handle=handle)
        if setup == F.AEAD_ENCRYPT_SETUP:
            yield call(F.AEAD_FINISH, rooms=(4, 16, 16), op_handle=handle)
        else:
            yield call(F.AEAD_VERIFY, sealed[len(sealed) - tag :], rooms=(4, 16), op_handle=handle)
        yield call(F.AEAD_ABORT, rooms=(4,), op_handle=handle)
    yield call(F.DESTROY_KEY, key_id=key)


FAMILIES: Final = (
    *((R1, bits, alg) for bits in (192, 224, 256, 384, 521) for alg in SIGNATURES[:5]),
    *((v.PSA_ECC_FAMILY_SECP_K1, 256, alg) for alg in SIGNATURES[:4]),
    *((v.PSA_ECC_FAMILY_BRAINPOOL_P_R1, bits, SIGNATURES[0]) for bits in (256, 384, 512)),
    *((v.PSA_ECC_FAMILY_TWISTED_EDWARDS, 255, alg) for alg in SIGNATURES[5:7]),
    *((v.PSA_ECC_FAMILY_TWISTED_EDWARDS, 448, alg) for alg in (SIGNATURES[5], SIGNATURES[7])),
)


def signing(draw: Draw) -> Session:
    family, bits, policy = FAMILIES[draw.random.randrange(len(FAMILIES))]
    alg = policy & ~0xFF | 9 if policy & 0xFF == 0xFF else policy
    kind = v.PSA_KEY_TYPE_ECC_KEY_PAIR(family)
    key = number((yield new_key(kind, bits, policy, v.PSA_ALG_ECDH)))
    public = first((yield call(F.EXPORT_PUBLIC_KEY, rooms=(133,), key_id=key)))
    asked = KeyAttributes(v.PSA_KEY_TYPE_ECC_PUBLIC_KEY(family), bits, usage=ALL, alg=policy)
    peer = number((yield call(F.IMPORT_KEY, asked.encode(), public, rooms=(4,))))
    for sign, verify, data in (
        (F.SIGN_MESSAGE, F.VERIFY_MESSAGE, draw.piece()),
        (F.SIGN_HASH, F.VERIFY_HASH, draw.some(64 if alg & 0xFF in (0x0B, 0x15) else 32)),
    ):
        signature = first((yield call(sign, data, rooms=(140,), key_id=key, alg=alg)))
        yield call(verify, data, signature, key_id=key, alg=alg)
        yield call(verify, data, signature, key_id=peer, alg=alg)
    yield call(F.DESTROY_KEY, key_id=key)
    yield call(F.DESTROY_KEY, key_id=peer)


def rsa(draw: Draw) -> Session:
    policy = SIGNATURES[8 + draw.random.randrange(5)]
    alg = policy & ~0xFF | draw.of((5, 9, 0x0B, 0x10)) if policy & 0xFF == 0xFF else policy
    enc = draw.of(
        (v.PSA_ALG_RSA_PKCS1V15_CRYPT, v.PSA_ALG_RSA_OAEP(S256), v.PSA_ALG_RSA_OAEP(v.PSA_ALG_SHA_1))
    )
    key = number((yield new_key(v.PSA_KEY_TYPE_RSA_KEY_PAIR, 1024, policy, enc)))
    data = draw.some(draw.of((0, 16, 32)))
    signature = first((yield call(F.SIGN_MESSAGE, data, rooms=(512,), key_id=key, alg=alg)))
    yield call(F.VERIFY_MESSAGE, data, signature, key_id=key, alg=alg)
    digest = draw.some(draw.of((20, 32, 64, 48)))
    signature = first((yield call(F.SIGN_HASH, digest, rooms=(512,), key_id=key, alg=alg)))
    yield call(F.VERIFY_HASH, digest, signature, key_id=key, alg=alg)
    sealed = first((yield call(F.ASYMMETRIC_ENCRYPT, data, b"label", rooms=(512,), key_id=key, alg=enc)))
    yield call(F.ASYMMETRIC_DECRYPT, sealed, b"label", rooms=(512,), key_id=key, alg=enc)
    yield call(F.DESTROY_KEY, key_id=key)


INPUTS: Final[dict[int, tuple[int, ...]]] = {
    KDFS[0]: (0x202, 0x101, 0x203),
    KDFS[1]: (0x202, 0x101),
    KDFS[2]: (0x101, 0x203),
    KDFS[3]: (0x204, 0x101, 0x201),
    KDFS[4]: (0x204, 0x101, 0x201),
    KDFS[5]: (0x101,),
    KDFS[6]: (0x205, 0x202, 0x102),
    KDFS[7]: (0x205, 0x202, 0x202, 0x102),
    KDFS[8]: (0x205, 0x202, 0x102),
    KDFS[9]: (0x101, 0x201, 0x206),
    KDFS[10]: (0x101, 0x201, 0x206),
    KDFS[11]: (0x202, 0x101, 0x203),
}


def deriving(draw: Draw) -> Session:
    alg = KDFS[draw.random.randrange(len(INPUTS))]
    kind = v.PSA_KEY_TYPE_PASSWORD if alg in KDFS[6:9] else v.PSA_KEY_TYPE_DERIVE
    kind = v.PSA_KEY_TYPE_AES if alg == v.PSA_ALG_SP800_108_COUNTER_CMAC else kind
    kind = v.PSA_KEY_TYPE_ECC_KEY_PAIR(R1) if alg == KDFS[11] else kind
    key = number((yield new_key(kind, 256, alg)))
    handle = number((yield call(F.KEY_DERIVATION_SETUP, rooms=(4,), alg=alg)))
    yield call(F.KEY_DERIVATION_GET_CAPACITY, rooms=(4,), op_handle=handle)
    yield call(F.KEY_DERIVATION_SET_CAPACITY, op_handle=handle, value=draw.of((10, 32, 100)))
    for step in INPUTS[alg]:
        if step == 0x205:
            yield call(F.KEY_DERIVATION_INPUT_INTEGER, op_handle=handle, step=step, value=draw.of((1, 2, 20)))
        elif step in (0x101, 0x102) and alg == KDFS[11]:
            public = first((yield call(F.EXPORT_PUBLIC_KEY, rooms=(65,), key_id=key)))
            yield call(F.KEY_DERIVATION_KEY_AGREEMENT, public, op_handle=handle, step=step, key_id=key)
        elif step in (0x101, 0x102):
            yield call(F.KEY_DERIVATION_INPUT_KEY, op_handle=handle, step=step, key_id=key)
        else:
            yield call(
                F.KEY_DERIVATION_INPUT_BYTES, draw.some(draw.of((0, 8, 30))), op_handle=handle, step=step
            )
    yield call(F.KEY_DERIVATION_OUTPUT_BYTES, rooms=(draw.of((0, 1, 8)),), op_handle=handle)
    targets = (
        (v.PSA_KEY_TYPE_AES, 128),
        (v.PSA_KEY_TYPE_ECC_KEY_PAIR(R1), 256),
        (v.PSA_KEY_TYPE_RAW_DATA, 24),
    )
    target, bits = targets[draw.random.randrange(3)]
    asked = KeyAttributes(target, bits, usage=ALL, alg=v.PSA_ALG_CTR)
    made = number((yield call(F.KEY_DERIVATION_OUTPUT_KEY, asked.encode(), rooms=(4,), op_handle=handle)))
    yield call(F.KEY_DERIVATION_VERIFY_BYTES, draw.some(4), op_handle=handle)
    yield call(F.KEY_DERIVATION_ABORT, rooms=(4,), op_handle=handle)
    for left in (key, made):
        yield call(F.DESTROY_KEY, key_id=left)


AGREEMENTS: Final = (
    *((v.PSA_KEY_TYPE_ECC_KEY_PAIR(R1), bits, v.PSA_ALG_ECDH) for bits in (192, 224, 256, 384, 521)),
    *(
        (v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_MONTGOMERY), bits, v.PSA_ALG_ECDH)
        for bits in (255, 448)
    ),
    (v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_BRAINPOOL_P_R1), 384, v.PSA_ALG_ECDH),
    (v.PSA_KEY_TYPE_DH_KEY_PAIR(3), 2048, v.PSA_ALG_FFDH),
)


def agreeing(draw: Draw) -> Session:
    kind, bits, alg = AGREEMENTS[draw.random.randrange(len(AGREEMENTS))]
    key = number((yield new_key(kind, bits, alg)))
    peer = number((yield new_key(kind, bits, alg)))
    public = first((yield call(F.EXPORT_PUBLIC_KEY, rooms=(ROOM,), key_id=peer)))
    yield call(F.RAW_KEY_AGREEMENT, public, rooms=(ROOM,), key_id=key, alg=alg)
    asked = KeyAttributes(v.PSA_KEY_TYPE_DERIVE, usage=ALL, alg=KDFS[0])
    made = number((yield call(F.KEY_AGREEMENT, public, asked.encode(), rooms=(4,), key_id=key, alg=alg)))
    copied = KeyAttributes(usage=ALL, alg=KDFS[0], lifetime=1, id=draw.of((1, 2, 3)))
    stored = number((yield call(F.COPY_KEY, copied.encode(), rooms=(4,), key_id=made)))
    yield call(F.EXPORT_KEY, rooms=(ROOM,), key_id=stored)
    yield call(F.PURGE_KEY, key_id=stored)
    yield call(F.GET_KEY_ATTRIBUTES, rooms=(24,), key_id=stored)
    for left in (key, peer, made, stored):
        yield call(F.DESTROY_KEY, key_id=left)


def jpake(draw: Draw) -> Session:
    alg = PSA_ALG_JPAKE(S256)
    key = number((yield new_key(v.PSA_KEY_TYPE_PASSWORD, 64, alg)))
    sides = []
    for mine, other in ((b"client", b"server"), (b"server", b"client")):
        handle = number((yield call(F.PAKE_SETUP, rooms=(4,), key_id=key, alg=alg, value=P256 | 1 << 32)))
        yield call(F.PAKE_SET_USER, mine, op_handle=handle)
        yield call(F.PAKE_SET_PEER, other, op_handle=handle)
        sides.append(handle)
    one, two = sides
    for rounds in (2, 1):
        for sender, receiver in ((one, two), (two, one)):
            for step in (1, 2, 3) * rounds:
                sent = first((yield call(F.PAKE_OUTPUT, rooms=(65,), op_handle=sender, step=step)))
                yield call(F.PAKE_INPUT, sent, op_handle=receiver, step=step)
    for handle in sides:
        yield from finish_pake(draw, handle)
    yield call(F.DESTROY_KEY, key_id=key)


def spake(draw: Draw) -> Session:
    alg = PSA_ALG_SPAKE2P_HMAC(S256)
    asked = KeyAttributes(v.PSA_KEY_TYPE_SPAKE2P_KEY_PAIR(R1), 256, usage=ALL, alg=alg)
    record = bytes(31) + b"\5" + bytes(31) + b"\7"
    key = number((yield call(F.IMPORT_KEY, asked.encode(), record, rooms=(4,))))
    sides = []
    for role in (0x11, 0x12):
        handle = number((yield call(F.PAKE_SETUP, rooms=(4,), key_id=key, alg=alg, value=P256)))
        yield call(F.PAKE_SET_ROLE, op_handle=handle, value=role)
        yield call(F.PAKE_SET_CONTEXT, b"context", op_handle=handle)
        sides.append(handle)
    prover, verifier = sides
    for sender, receiver, step in (
        (prover, verifier, 1),
        (verifier, prover, 1),
        (verifier, prover, 4),
        (prover, verifier, 4),
    ):
        sent = first((yield call(F.PAKE_OUTPUT, rooms=(65,), op_handle=sender, step=step)))
        yield call(F.PAKE_INPUT, sent, op_handle=receiver, step=step)
    for handle in sides:
        yield from finish_pake(draw, handle)
    yield call(F.DESTROY_KEY, key_id=key)


def finish_pake(draw: Draw, handle: int) -> Session:
    asked = KeyAttributes(draw.of((v.PSA_KEY_TYPE_DERIVE, v.PSA_KEY_TYPE_HMAC)), usage=ALL, alg=KDFS[0])
    made = number((yield call(F.PAKE_GET_SHARED_KEY, asked.encode(), rooms=(4, 4), op_handle=handle)), 1)
    yield call(F.PAKE_ABORT, rooms=(4,), op_handle=handle)
    yield call(F.DESTROY_KEY, key_id=made)


SESSIONS: Final = (hashing, macs, ciphers, aeads, signing, rsa, deriving, agreeing, jpake, spake)


class Sessions:
    """Several sessions of one attacker under way at once, a few per cent of their steps altered."""

    def __init__(self, attacker: Attacker, at_once: int = 2, altered_percent: int = 8) -> None:
        self._attacker = attacker
        self._at_once = at_once
        self._altered = altered_percent
        self._open: list[tuple[Session, HostileCall]] = []

    def step(self) -> None:
        """One call of a session under way, or of a new one."""
        attacker = self._attacker
        if len(self._open) < self._at_once:
            session = attacker.pick(SESSIONS)(Draw(attacker.random))
            self._open.append((session, next(session)))
        at = attacker.random.randrange(len(self._open))
        session, wanted = self._open.pop(at)
        answer = attacker.send(self.altered(wanted))
        try:
            self._open.append((session, session.send(answer)))
        except StopIteration:
            return

    def altered(self, wanted: HostileCall) -> HostileCall:
        attacker = self._attacker
        if not attacker.chance(self._altered):
            return wanted
        draw = attacker.random
        inputs, rooms = list(wanted.inputs), list(wanted.rooms)
        match draw.randrange(5):
            case 0 if len(inputs) > 1:
                at = 1 + draw.randrange(len(inputs) - 1)
                inputs[at] = attacker.altered(bytes(inputs[at])) if attacker.chance(50) else attacker.data()  # type: ignore[arg-type]
            case 1 if rooms:
                rooms[draw.randrange(len(rooms))] = attacker.room()
            case 2:
                return attacker.mutated(
                    wanted.handle, wanted.type, inputs, rooms, wanted.function, percent=100
                )
            case _:
                iovec = PackIovec.decode(bytes(inputs[0]))  # type: ignore[arg-type]
                inputs[0] = attacker.other_field(iovec).encode()
        return HostileCall(wanted.handle, wanted.type, tuple(inputs), tuple(rooms), wanted.function)
