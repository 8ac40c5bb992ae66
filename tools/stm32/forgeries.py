"""What somebody without a device's DUA key can present, each with the reason that must refuse it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from ..attacks.anatomy import Message
from ..tokens.cose_writer import write_cose
from ..verifier import Kind as TokenKind
from .certificates import Authority, Draft, DuaPki, build
from .kinds import Kind


@dataclass(frozen=True, slots=True)
class Presented:
    """What a relying party gets: a token, a DUA certificate and what is above it, all certificates DER."""

    token: bytes
    certificate: bytes
    intermediates: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Material:
    """What a forger has.

    ``good`` is the device's answer, ``replay`` its token over another challenge. ``other_certificate`` and
    ``other_token`` are those of another real device. ``false`` is a chain of his own under the right names,
    and ``neighbour`` a device's certificate from the real authority for a key that he holds.
    """

    good: Presented
    replay: bytes
    other_certificate: bytes
    other_token: bytes
    false: DuaPki
    neighbour: Authority

    @property
    def leaf(self) -> x509.Certificate:
        """The device's certificate."""
        return x509.load_der_x509_certificate(self.good.certificate)

    def draft(self) -> Draft:
        """What the device's certificate says, to be said again by somebody else."""
        return Draft(self.leaf.subject, serial=self.leaf.serial_number)

    def own_token(self) -> bytes:
        """The device's claims, signed by the forger."""
        return write_cose(Message.of(self.good.token).payload, self.neighbour.key)


@dataclass(frozen=True, slots=True)
class Forgery:
    """Something presented, and the kind of reason that refuses it."""

    name: str
    text: str
    kind: Kind | TokenKind
    make: Callable[[Material], Presented]


def der(certificate: x509.Certificate) -> bytes:
    """The certificate's bytes."""
    return certificate.public_bytes(Encoding.DER)


def _false_chain(of: Material) -> Presented:
    """Token, certificate and chain of the forger's, under the real names."""
    certificate = der(of.false.intermediate.issue(of.draft(), of.neighbour.key.public_key()))
    return Presented(of.own_token(), certificate, (of.false.intermediate.der,))


def _false_root_sent(of: Material) -> Presented:
    made = _false_chain(of)
    return replace(made, intermediates=(*made.intermediates, of.false.root.der))


def _self_signed(of: Material) -> Presented:
    key = of.neighbour.key
    certificate = der(build(of.draft(), key.public_key(), of.leaf.subject, key))
    return replace(of.good, token=of.own_token(), certificate=certificate)


def _device_as_authority(of: Material) -> Presented:
    """A device's own certificate in the place of an authority's."""
    key: ec.EllipticCurvePrivateKey = of.false.intermediate.key
    certificate = der(of.neighbour.issue(of.draft(), key.public_key()))
    token = write_cose(Message.of(of.good.token).payload, key)
    return Presented(token, certificate, (der(of.neighbour.certificate), *of.good.intermediates))


def _changed_certificate(of: Material) -> Presented:
    """The forger's public key in the device's certificate, and his token."""
    old, new = (_point(c) for c in (of.leaf.public_key(), of.neighbour.key.public_key()))
    return replace(of.good, token=of.own_token(), certificate=of.good.certificate.replace(old, new))


def _changed_token(of: Material) -> Presented:
    token = bytearray(of.good.token)
    at = token.index(Message.of(of.good.token).payload)
    token[at + len(Message.of(of.good.token).payload) - 3] ^= 1
    return replace(of.good, token=bytes(token))


def _intermediate_as_device(of: Material) -> Presented:
    return replace(of.good, certificate=of.good.intermediates[0])


def _point(key: object) -> bytes:
    assert isinstance(key, ec.EllipticCurvePublicKey)
    numbers = key.public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


FORGERIES: Final = (
    Forgery(
        "replayed",
        "the answer to another challenge",
        TokenKind.NONCE_MISMATCH,
        lambda of: replace(of.good, token=of.replay),
    ),
    Forgery("changed-token", "one bit of a claim", TokenKind.SIGNATURE_INVALID, _changed_token),
    Forgery(
        "own-signature",
        "the forger's signature, the device's certificate",
        TokenKind.SIGNATURE_INVALID,
        lambda of: replace(of.good, token=of.own_token()),
    ),
    Forgery(
        "other-certificate",
        "the certificate of another real device",
        TokenKind.SIGNATURE_INVALID,
        lambda of: replace(of.good, certificate=of.other_certificate),
    ),
    Forgery(
        "other-token",
        "the token of another real device",
        TokenKind.SIGNATURE_INVALID,
        lambda of: replace(of.good, token=of.other_token),
    ),
    Forgery(
        "changed-certificate",
        "the forger's key in the device's certificate",
        Kind.CERTIFICATE_SIGNATURE,
        _changed_certificate,
    ),
    Forgery(
        "false-chain",
        "a chain of the forger's under the real names",
        Kind.CERTIFICATE_SIGNATURE,
        _false_chain,
    ),
    Forgery("false-root", "the same with its root sent along", Kind.CERTIFICATE_SIGNATURE, _false_root_sent),
    Forgery("self-signed", "a certificate that signs itself", Kind.UNTRUSTED_ROOT, _self_signed),
    Forgery(
        "device-as-authority",
        "another device's key issues the certificate",
        Kind.NOT_A_CA,
        _device_as_authority,
    ),
    Forgery(
        "no-intermediate",
        "nothing between root and device",
        Kind.NO_ISSUER,
        lambda of: replace(of.good, intermediates=()),
    ),
    Forgery(
        "intermediate", "the authority's certificate as a device's", Kind.IS_A_CA, _intermediate_as_device
    ),
    Forgery(
        "trailing",
        "one byte behind the certificate",
        Kind.MALFORMED,
        lambda of: replace(of.good, certificate=of.good.certificate + b"\0"),
    ),
)
"""One for each way that needs no key but the forger's."""
