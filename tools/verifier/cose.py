"""COSE_Sign1 and COSE_Mac0 (RFC 9052, RFC 9053): which algorithm, over which bytes, and does it hold."""

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from . import cbor
from .envelope import HEADER_ALG, CoseKind, Envelope, describe
from .findings import Finding, Kind
from .keys import Curve, EcKey, Key


class SignatureState(StrEnum):
    """What became of the signature or MAC tag."""

    VALID = "valid"
    INVALID = "invalid"
    SHORT_CIRCUIT = "short-circuit"
    NOT_CHECKED = "not-checked"


@dataclass(frozen=True, slots=True)
class Algorithm:
    """A row of the COSE algorithm registry; ``size`` is that of the signature or tag in bytes."""

    id: int
    name: str
    kind: CoseKind
    digest: str
    size: int
    curve: Curve | None = None

    def fits(self, key: Key) -> bool:
        """The key is of this algorithm's kind, curve and size. RFC 9053 2.1 and 3.1; TF-M binds them too."""
        if isinstance(key, EcKey):
            return self.curve is key.curve
        return self.curve is None and len(key.secret) == self.size

    @property
    def wants(self) -> str:
        """The key that fits, for a message."""
        return f"an EC key on {self.curve.label}" if self.curve else f"a symmetric key of {self.size} bytes"


ALGORITHMS = {
    row.id: row
    for row in (
        Algorithm(-7, "ES256", CoseKind.SIGN1, "sha256", 64, Curve.P256),
        Algorithm(-35, "ES384", CoseKind.SIGN1, "sha384", 96, Curve.P384),
        Algorithm(-36, "ES512", CoseKind.SIGN1, "sha512", 132, Curve.P521),
        Algorithm(5, "HMAC 256/256", CoseKind.MAC0, "sha256", 32),
        Algorithm(6, "HMAC 384/384", CoseKind.MAC0, "sha384", 48),
        Algorithm(7, "HMAC 512/512", CoseKind.MAC0, "sha512", 64),
    )
}
_LEGAL_ALGORITHMS = f"legal: {', '.join(f'{row.id} ({row.name})' for row in ALGORITHMS.values())}"
_ECDSA = {
    "sha256": ec.ECDSA(hashes.SHA256()),
    "sha384": ec.ECDSA(hashes.SHA384()),
    "sha512": ec.ECDSA(hashes.SHA512()),
}


@dataclass(frozen=True, slots=True)
class SignatureVerdict:
    """The envelope's own verdict: an algorithm, a state, and why."""

    state: SignatureState
    algorithm: Algorithm | None
    reasons: tuple[Finding, ...] = ()
    warnings: tuple[Finding, ...] = ()


def to_be_authenticated(envelope: Envelope, kind: CoseKind) -> bytes:
    """Sig_structure or MAC_structure over the very bytes of the token (RFC 9052 4.4, 6.3).

    Nothing is encoded anew but the heads; external_aad is empty. A protected header that is an
    encoded empty map counts as empty.
    """
    empty = envelope.protected is not None and not envelope.protected.pairs
    protected = b"" if empty else envelope.protected_raw
    context = kind.context.encode()
    return b"\x84" + b"".join(
        (_head(3, len(context)), context, _bstr(protected), _bstr(b""), _bstr(envelope.payload))
    )


def find_algorithm(envelope: Envelope) -> Algorithm | Finding:
    """The algorithm that the protected header names, or why there is none to use."""
    item = envelope.protected.get(HEADER_ALG) if envelope.protected else None
    if item is None:
        if envelope.unprotected.get(HEADER_ALG) is not None:
            text = "alg stands in the unprotected header only, where anybody can change it"
            return Finding(Kind.ALG_UNPROTECTED, text, "headers")
        return Finding(
            Kind.ALG_MISSING, f"the protected header has no alg; {_LEGAL_ALGORITHMS}", "protected header"
        )
    if not isinstance(item, cbor.Int) or item.value not in ALGORITHMS:
        return Finding(
            Kind.ALG_UNSUPPORTED, f"alg: found {describe(item)}; {_LEGAL_ALGORITHMS}", "protected header"
        )
    return ALGORITHMS[item.value]


def judge_signature(envelope: Envelope, key: Key, *, allow_short_circuit: bool = False) -> SignatureVerdict:
    """Verify the signature or tag with ``key``; the algorithm, the envelope and the key must agree first."""
    algorithm = find_algorithm(envelope)
    if isinstance(algorithm, Finding):
        return SignatureVerdict(SignatureState.NOT_CHECKED, None, (algorithm,))
    if envelope.kind is None:  # its tag problem is told already
        return SignatureVerdict(SignatureState.NOT_CHECKED, algorithm)
    confusion = tuple(_confusion(envelope.kind, algorithm, key))
    signed = to_be_authenticated(envelope, envelope.kind)
    fits = len(envelope.signature) == algorithm.size
    if not confusion and fits and _holds(algorithm, key, signed, envelope.signature):
        return SignatureVerdict(SignatureState.VALID, algorithm)
    if is_short_circuit(envelope, algorithm, signed):
        finding = _short_circuit_finding(envelope)
        if allow_short_circuit:
            return SignatureVerdict(SignatureState.SHORT_CIRCUIT, algorithm, confusion, (finding,))
        return SignatureVerdict(SignatureState.SHORT_CIRCUIT, algorithm, (*confusion, finding))
    if confusion:
        return SignatureVerdict(SignatureState.NOT_CHECKED, algorithm, confusion)
    what = "signature" if envelope.kind is CoseKind.SIGN1 else "tag"
    if not fits:
        text = f"{what}: found {len(envelope.signature)} bytes; legal for {algorithm.name}: {algorithm.size}"
        finding = Finding(Kind.SIGNATURE_LENGTH, text, "envelope")
    else:
        finding = Finding(Kind.SIGNATURE_INVALID, f"the {what} does not verify with this key", "envelope")
    return SignatureVerdict(SignatureState.INVALID, algorithm, (finding,))


def is_short_circuit(envelope: Envelope, algorithm: Algorithm, signed: bytes) -> bool:
    """The signature is only the hash of what should be signed, as TF-M's test mode and early stub made it.

    Sign1: the hash repeated and cut to the signature's size, or once (the stub of 2019). Mac0: once.
    """
    for name in {"sha256", algorithm.digest}:
        digest = hashlib.new(name, signed).digest()
        if envelope.signature == digest:
            return True
        repeated = (digest * (algorithm.size // len(digest) + 1))[: algorithm.size]
        if envelope.kind is CoseKind.SIGN1 and envelope.signature == repeated:
            return True
    return False


def _short_circuit_finding(envelope: Envelope) -> Finding:
    if envelope.kind is CoseKind.MAC0:
        made = "plain SHA hash of MAC_structure"
    elif len(envelope.signature) in (hashlib.sha256().digest_size, hashlib.sha384().digest_size):
        made = "hash of Sig_structure, once, as the stub of 2019 left it"
    else:
        made = "hash of Sig_structure, repeated"
    text = f"a short-circuit (fake) signature: the {made}, made without any key, NOT SECURE"
    return Finding(Kind.SHORT_CIRCUIT, text, "envelope")


def _confusion(kind: CoseKind, algorithm: Algorithm, key: Key) -> Iterator[Finding]:
    if algorithm.kind is not kind:
        text = f"{algorithm.name} in a {kind.label}; legal: it belongs in a {algorithm.kind.label}"
        yield Finding(Kind.ALG_MISMATCH, text, "protected header")
    if not algorithm.fits(key):
        text = f"{algorithm.name} wants {algorithm.wants}, the key given is {key.label}"
        yield Finding(Kind.ALG_MISMATCH, text, "protected header")


def _holds(algorithm: Algorithm, key: Key, signed: bytes, signature: bytes) -> bool:
    if not isinstance(key, EcKey):
        return hmac.compare_digest(hmac.digest(key.secret, signed, algorithm.digest), signature)
    half = algorithm.size // 2
    r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
    try:
        key.public.verify(encode_dss_signature(r, s), signed, _ECDSA[algorithm.digest])
    except InvalidSignature:
        return False
    return True


def _bstr(data: bytes) -> bytes:
    return _head(2, len(data)) + data


def _head(major: int, argument: int) -> bytes:
    if argument < 24:
        return bytes([major << 5 | argument])
    for info, size in ((24, 1), (25, 2), (26, 4), (27, 8)):
        if argument < 1 << (8 * size):
            return bytes([major << 5 | info]) + argument.to_bytes(size, "big")
    raise ValueError(f"{argument} does not fit a CBOR head")
