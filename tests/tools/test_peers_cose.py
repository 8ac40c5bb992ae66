"""COSE cross-checked with two implementations that are not ours: PyPI's `cwt` and `pycose`.

Every variant of the device's tokens is verified by them, messages that they make are verified by us, and what
was altered is refused by all.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import cache

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from support.partition_bench import make_hal, start_partitions
from support.peers.environment import PEERS, Answer, Job, Key, ask
from support.token_parts import NSPE, SPE, boot_status, take_apart

from tfm_sim.interface.psa.initial_attestation import InitialAttestation
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.initial_attestation.config import AttestationConfig
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.otp import OtpLayout
from tfm_sim.platform.provisioning import DUMMY, DUMMY_IAK_ID, Provisioning, provisioned_otp
from tfm_sim.tools.tokens.cose_writer import write_cose
from tfm_sim.tools.verifier import load_key, verify
from tfm_sim.tools.verifier.envelope import CoseKind

CHALLENGE = bytes(range(32))
CURVES = {
    "P-256": (ec.SECP256R1(), 1, -7, 32),
    "P-384": (ec.SECP384R1(), 2, -35, 48),
    "P-521": (ec.SECP521R1(), 3, -36, 66),
}
HMACS = {
    "HMAC 256": (IakType.HMAC, 5, 32),
    "HMAC 384": (IakType.HMAC_384, 6, 48),
    "HMAC 512": (IakType.HMAC_512, 7, 64),
}


@dataclass(frozen=True)
class Signer:
    """A key in the forms that everybody wants: ``secret`` for the device, ``peer`` for the peers."""

    name: str
    secret: bytes
    iak_type: IakType
    peer: Key
    ours: ec.EllipticCurvePrivateKey | bytes

    @property
    def provisioning(self) -> Provisioning:
        return replace(DUMMY, iak=self.secret, iak_type=self.iak_type, iak_id=DUMMY_IAK_ID)


@cache
def signer(name: str, seed: int = 1) -> Signer:
    raw = hashlib.shake_256(f"{name} {seed}".encode()).digest(66)
    if name in HMACS:
        kind, alg, size = HMACS[name]
        return Signer(name, raw[:size], kind, {"k": raw[:size].hex(), "alg": alg}, raw[:size])
    curve, crv, alg, size = CURVES[name]
    private = ec.derive_private_key(int.from_bytes(raw[:31], "big"), curve)
    numbers = private.private_numbers()
    point = numbers.public_numbers
    parts = {"x": point.x, "y": point.y, "d": numbers.private_value}
    peer = {part: value.to_bytes(size, "big").hex() for part, value in parts.items()}
    secret = numbers.private_value.to_bytes(size, "big")
    return Signer(name, secret, IakType.SECP_R1, {**peer, "crv": crv, "alg": alg}, private)


@cache
def device_token(name: str, with_kid: bool) -> bytes:
    """A token of a device that has this key and, if asked for, the key id."""
    made = signer(name)
    config = AttestationConfig(
        symmetric=made.iak_type.is_symmetric, cose_key_id=with_kid, max_token_size=0x800
    )
    hal = make_hal(provisioned_otp(made.provisioning, OtpLayout(iak_size=66)))
    crypto = CryptoConfig(builtin_max_key_length=66)
    bench = start_partitions(config, crypto, boot_status=boot_status(SPE, NSPE), hal=hal)
    token = InitialAttestation(bench.ns).get_token(CHALLENGE)
    assert bool(take_apart(token).unprotected) is with_kid
    return token


# RFC 9052 lets an application know the algorithm from elsewhere: cwt then takes the key's. RFC 9783 does not.
ACCEPTED_ALL_THE_SAME = {("no algorithm", "cwt")}
VARIANTS = [(name, with_kid) for name in (*CURVES, *HMACS) for with_kid in (False, True)]


def damaged(name: str, with_kid: bool) -> dict[str, bytes]:
    """The same token with one thing wrong with it."""
    token = device_token(name, with_kid)
    parts = take_apart(token)
    made = signer(name)
    kind = CoseKind.MAC0 if made.iak_type.is_symmetric else CoseKind.SIGN1
    kid = parts.unprotected.get(4)
    alg = {-7: -35, -35: -36, -36: -7, 5: 6, 6: 7, 7: 5}[made.peer["alg"]]
    payload = parts.payload[:-1] + bytes([parts.payload[-1] ^ 1])
    swapped = CoseKind.SIGN1 if kind is CoseKind.MAC0 else CoseKind.MAC0

    def forged(payload: bytes, signature: bytes, alg: int = made.peer["alg"]) -> bytes:
        return write_cose(payload, None, kind=kind, alg=alg, kid=kid, signature=signature)

    middle = len(token) - len(parts.signature)
    return {
        "end of the signature": token[:-1] + bytes([token[-1] ^ 1]),
        "start of the signature": token[:middle] + bytes([token[middle] ^ 0x80]) + token[middle + 1 :],
        "no signature": forged(parts.payload, b""),
        "short signature": forged(parts.payload, parts.signature[:-1]),
        "zeros": forged(parts.payload, bytes(len(parts.signature))),
        "payload": forged(payload, parts.signature),
        "algorithm": forged(parts.payload, parts.signature, alg),
        "no algorithm": write_cose(parts.payload, made.ours, protected=b"", kid=kid),
        "the other context": write_cose(parts.payload, made.ours, kind=swapped, tags=(kind.tag,), kid=kid),
        "the other tag": write_cose(parts.payload, made.ours, tags=(swapped.tag,), kid=kid),
        "another key": write_cose(parts.payload, signer(name, 2).ours, kid=kid),
        "truncated": token[:-1],
    }


def key_id(made: Signer) -> bytes:
    """TF-M's: SHA-256 of the public key as a COSE_Key, or the name that was provisioned with a secret."""
    if made.iak_type.is_symmetric:
        return DUMMY_IAK_ID
    parts = {label: bytes.fromhex(made.peer[name]) for label, name in ((-2, "x"), (-3, "y"))}
    return hashlib.sha256(cbor2.dumps({1: 2, -1: made.peer["crv"], **parts})).digest()


def verify_jobs(token: bytes, made: Signer, with_kid: bool) -> list[Job]:
    """A relying party that looks the key up by its id, where there is one."""
    key = {part: value for part, value in made.peer.items() if part != "d"}
    if with_kid:
        key["kid"] = key_id(made).hex()
    return [{"peer": peer, "verify": token.hex(), "key": key} for peer in PEERS]


@pytest.fixture(scope="module")
def verified() -> dict[tuple[str, bool, str, str], Answer]:
    """Every token, sound and damaged, judged by both peers in one run of theirs."""
    asked, jobs = [], []
    for name, with_kid in VARIANTS:
        tokens = {"sound": device_token(name, with_kid), **damaged(name, with_kid)}
        for what, token in tokens.items():
            asked += [(name, with_kid, what, peer) for peer in PEERS]
            jobs += verify_jobs(token, signer(name), with_kid)
    return dict(zip(asked, ask(jobs), strict=True))


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(("name", "with_kid"), VARIANTS)
def test_the_devices_tokens_are_accepted(
    name: str, with_kid: bool, peer: str, verified: dict[tuple[str, bool, str, str], Answer]
) -> None:
    token = device_token(name, with_kid)
    assert verify(token, signer(name).ours, challenge=CHALLENGE).ok
    assert verified[name, with_kid, "sound", peer] == {"payload": take_apart(token).payload.hex()}


@pytest.mark.parametrize(("name", "with_kid"), VARIANTS)
def test_damaged_tokens_are_refused_by_all(
    name: str, with_kid: bool, verified: dict[tuple[str, bool, str, str], Answer]
) -> None:
    for what, token in damaged(name, with_kid).items():
        assert not verify(token, signer(name).ours).ok, what
        for peer in PEERS:
            refused = "refused" in verified[name, with_kid, what, peer]
            assert refused is ((what, peer) not in ACCEPTED_ALL_THE_SAME), (what, peer)


@pytest.fixture(scope="module")
def made() -> dict[tuple[str, bool, str], bytes]:
    """Messages of the peers around a payload of the device's."""
    asked = [(name, with_kid, peer) for name, with_kid in VARIANTS for peer in PEERS]
    jobs: list[Job] = [
        {
            "peer": peer,
            "make": take_apart(device_token(name, False)).payload.hex(),
            "key": signer(name).peer,
            "kid": b"their key".hex() if with_kid else None,
        }
        for name, with_kid, peer in asked
    ]
    return {key: bytes.fromhex(answer["token"]) for key, answer in zip(asked, ask(jobs), strict=True)}


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(("name", "with_kid"), VARIANTS)
def test_messages_of_the_peers_are_accepted_by_us(
    name: str, with_kid: bool, peer: str, made: dict[tuple[str, bool, str], bytes]
) -> None:
    message = made[name, with_kid, peer]
    key = load_key(signer(name).ours)
    verdict = verify(message, key, challenge=CHALLENGE)
    assert verdict.ok, verdict.reasons
    parts = take_apart(message)
    assert parts.unprotected == ({4: b"their key"} if with_kid else {})
    ours = write_cose(parts.payload, signer(name).ours, kid=parts.unprotected.get(4))
    assert take_apart(ours).protected == parts.protected
    if signer(name).iak_type.is_symmetric:
        assert ours == message  # a MAC is one for all: the whole message is the same, byte for byte


@pytest.mark.parametrize("peer", PEERS)
@pytest.mark.parametrize(("name", "with_kid"), VARIANTS)
def test_altered_messages_of_the_peers_are_refused_by_us(
    name: str, with_kid: bool, peer: str, made: dict[tuple[str, bool, str], bytes]
) -> None:
    message = made[name, with_kid, peer]
    parts = take_apart(message)
    payload_at, signature_at = message.index(parts.payload), message.rindex(parts.signature)
    for place in (2, 4, payload_at, payload_at + 20, signature_at, len(message) - 1):
        altered = message[:place] + bytes([message[place] ^ 1]) + message[place + 1 :]
        assert not verify(altered, signer(name).ours).ok, place
    assert not verify(message, signer(name, 2).ours).ok
