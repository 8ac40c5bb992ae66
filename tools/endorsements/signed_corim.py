"""A CoRIM in a COSE_Sign1 (draft-ietf-rats-corim 4.2): who signed it, and whether that holds."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ..tokens.cose_writer import algorithm_of, write_cose
from ..verifier.cbor import Array, Map
from ..verifier.cose import ALGORITHMS, SignatureState, judge_signature
from ..verifier.envelope import CoseKind, Envelope
from ..verifier.keys import Key
from .cbor_node import Node, read_general
from .corim import (
    CONTENT_TYPE,
    META_KEYS,
    SIGNED_TAG,
    SIGNER_KEYS,
    Corim,
    Entity,
    Signature,
    Validity,
)
from .corim_reader import read_unsigned, read_uri, read_validity
from .encoding import Tagged, Value, encode
from .model import EndorsementError
from .triples import URI_TAG

ALG, CRIT, TYPE, KID, META, CWT_CLAIMS, X5CHAIN = 1, 2, 3, 4, 8, 15, 33
HEADER_KEYS: Final = {
    ALG: "alg",
    CRIT: "crit",
    TYPE: "content-type",
    KID: "kid",
    META: "corim-meta",
    CWT_CLAIMS: "CWT-Claims",
    X5CHAIN: "x5chain",
    258: "payload-hash-alg",
}
CLAIMS_KEYS: Final = {1: "iss", 2: "sub", 4: "exp", 5: "nbf"}


def read_signed(root: Node, keys: Sequence[Key] = ()) -> Corim:
    """The CoRIM in a COSE_Sign1, verified if any of ``keys`` is given.

    Raises EndorsementError for what is malformed, and for a signature that none of the keys verifies. Without
    keys the signature is not looked at, and `Corim.signature.verified` stays false.
    """
    name = root.path
    body = root.tagged(SIGNED_TAG, what="a signed CoRIM, COSE_Sign1")
    protected, unprotected, payload, signature = body.array(4, 4)
    unprotected.map({})
    header = read_general(protected.octets(), f"{name}: protected header")
    signed_by = read_header(header)
    if keys:
        envelope = _envelope(header, unprotected, protected.octets(), payload.octets(), signature.octets())
        _verify(envelope, keys, name)
        signed_by = replace(signed_by, verified=True)
    return read_unsigned(read_general(payload.octets(), f"{name}: payload"), signed_by)


def read_header(header: Node) -> Signature:
    """What the protected header says about the signer. Raises EndorsementError."""
    entries = header.map(HEADER_KEYS, (ALG,))
    if 258 in entries:
        raise EndorsementError(f"{entries[258].path}: found; legal here: the CoRIM itself, not its hash")
    if TYPE not in entries:
        raise EndorsementError(f"{header.path}: no content-type (key 3); legal: {CONTENT_TYPE}")
    if entries[TYPE].text() != CONTENT_TYPE:
        raise entries[TYPE].wrong(repr(CONTENT_TYPE))
    for label in entries[CRIT].array(1) if CRIT in entries else ():
        if label.integer() not in HEADER_KEYS:
            raise label.wrong(f"a header that is understood: {', '.join(map(str, HEADER_KEYS))}")
        if label.integer() not in entries:
            raise label.wrong("a header that is there, protected")  # RFC 9052 3.1
    identities = [
        read(entries[key]) for key, read in ((META, _meta), (CWT_CLAIMS, _cwt_claims)) if key in entries
    ]
    if not identities:
        raise EndorsementError(f"{header.path}: no signer; legal: corim-meta (key 8) or CWT-Claims (key 15)")
    signer, uri, validity = identities[0]
    if len(identities) == 2 and (signer, validity) != (identities[1][0], identities[1][2]):
        # The draft, 4.2.1: who gives both must say the same in both.
        raise header.error(
            f"{signer!r} and {identities[1][0]!r} sign", "the same signer and validity in both"
        )
    return Signature(
        entries[ALG].integer(),
        signer,
        uri,
        validity,
        entries[KID].octets() if KID in entries else None,
        _certificates(entries.get(X5CHAIN)),
    )


_Identity = tuple[str, str | None, Validity | None]


def _meta(node: Node) -> _Identity:
    """corim-meta, encoded in a byte string."""
    entries = read_general(node.octets(), node.path).map(META_KEYS, (0,))
    signer = entries[0].map(SIGNER_KEYS, (0,))
    uri = read_uri(signer[1]) if 1 in signer else None
    return signer[0].text(), uri, read_validity(entries[1]) if 1 in entries else None


def _cwt_claims(node: Node) -> _Identity:
    """RFC 9597: the issuer signed; times are bare numbers."""
    entries = node.map(CLAIMS_KEYS, (1,))
    if 4 not in entries:
        return entries[1].text(), None, None
    begin = entries[5].number() if 5 in entries else None
    return entries[1].text(), None, Validity(entries[4].number(), begin)


def _certificates(node: Node | None) -> tuple[bytes, ...]:
    """RFC 9360: one certificate in a byte string, or an array of two and more."""
    if node is None:
        return ()
    return tuple(item.octets() for item in (node.array(2) if isinstance(node.item, Array) else [node]))


def _envelope(
    header: Node, unprotected: Node, protected: bytes, payload: bytes, signature: bytes
) -> Envelope:
    assert isinstance(header.item, Map)  # read_header has seen it
    assert isinstance(unprotected.item, Map)
    return Envelope(
        tags=(SIGNED_TAG,),
        kind=CoseKind.SIGN1,
        protected_raw=protected,
        protected=header.item,
        unprotected=unprotected.item,
        payload=payload,
        claims=None,
        signature=signature,
        size=0,
        problems=(),
    )


def _verify(envelope: Envelope, keys: Sequence[Key], name: str) -> None:
    """One of the keys must verify it. RFC 9052 4.4: over the very bytes of header and payload."""
    reasons: list[str] = []
    for key in keys:
        verdict = judge_signature(envelope, key)
        if verdict.state is SignatureState.VALID:
            return
        reasons += [str(finding) for finding in verdict.reasons]
    raise EndorsementError(f"{name}: signed by somebody else: {'; '.join(dict.fromkeys(reasons))}")


def sign_corim(
    corim: bytes,
    key: ec.EllipticCurvePrivateKey,
    signer: Entity,
    *,
    validity: Validity | None = None,
    kid: bytes | None = None,
    certificates: Sequence[x509.Certificate] = (),
    cwt_claims: bool = False,
) -> bytes:
    """A COSE_Sign1 around an unsigned CoRIM, its headers all protected, as Veraison writes it.

    The signer goes into corim-meta (header 8), with ``cwt_claims`` into CWT claims (header 15) too, which
    must say the same. ``certificates`` is the x5chain that Veraison's service wants, the signer's first.
    Raises EndorsementError for a certificate of another key, SigningKeyUnusable for another curve.
    """
    algorithm = algorithm_of(key)
    meta: dict[int, Value] = {0: _signer_map(signer)}
    if validity is not None:
        meta[1] = validity_map(validity)
    header: dict[int, Value] = {ALG: algorithm.id, TYPE: CONTENT_TYPE, META: encode(meta)}
    if kid is not None:
        header[KID] = kid
    if cwt_claims:
        header[CWT_CLAIMS] = _claims_map(signer, validity)
    if certificates:
        header[X5CHAIN] = _chain(certificates, key)
    return write_cose(corim, key, protected=encode(header))


def _signer_map(signer: Entity) -> Value:
    made: dict[int, Value] = {0: signer.name}
    if signer.uri is not None:
        made[1] = Tagged(URI_TAG, signer.uri)
    return made


def validity_map(validity: Validity) -> Value:
    """Times are whole seconds in tag 1."""
    made: dict[int, Value] = {1: Tagged(1, int(validity.not_after))}
    if validity.not_before is not None:
        made[0] = Tagged(1, int(validity.not_before))
    return made


def _claims_map(signer: Entity, validity: Validity | None) -> Value:
    claims: dict[int, Value] = {1: signer.name}
    if validity is not None:
        claims[4] = int(validity.not_after)
        if validity.not_before is not None:
            claims[5] = int(validity.not_before)
    return claims


def _chain(certificates: Sequence[x509.Certificate], key: ec.EllipticCurvePrivateKey) -> Value:
    if certificates[0].public_key() != key.public_key():
        raise EndorsementError("x5chain: its first certificate is of another key; legal: the signing key's")
    encoded = [certificate.public_bytes(Encoding.DER) for certificate in certificates]
    return encoded[0] if len(encoded) == 1 else encoded


def algorithm_name(number: int) -> str:
    """A COSE algorithm as people call it."""
    return ALGORITHMS[number].name if number in ALGORITHMS else str(number)
