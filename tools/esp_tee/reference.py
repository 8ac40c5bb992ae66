"""What a relying party knows beforehand: the keys that it enrolled, and the firmware that it wants to see."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec

from ...interface.errors import TfmSimError
from ..verifier.keys import Curve, EcKey, KeyUnusable, from_public, load_key

KEY_LEGAL = "legal: a key on P-256, as PEM, or its point in hex, compressed (02/03||X) or not (04||X||Y)"


class ReferenceUnusable(TfmSimError):
    """Enrolled keys or reference values that mean nothing."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device's attestation key, taken where the relying party could trust it (the factory).

    ``device_id``, 32 bytes, binds the key to one device; None where only the key was noted down.
    """

    key: EcKey
    name: str = "enrolled device"
    device_id: bytes | None = None


@dataclass(frozen=True, slots=True)
class SoftwareReference:
    """What one of the three images may be. ``digests``, 32 bytes each: any of them; empty: not compared."""

    digests: tuple[bytes, ...] = ()
    versions: tuple[str, ...] = ()
    idf_versions: tuple[str, ...] = ()
    min_secure_version: int | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """The policy. What is None or empty is not compared.

    ``secure_boot``: the signature of every image must have been verified by the TEE, and TEE and application
    must be padded (ESP-IDF Secure Boot V2). Without it their absence is a warning.
    """

    software: Mapping[str, SoftwareReference] = field(default_factory=dict)
    secure_boot: bool = False
    client_id: int | None = None
    psa_cert_refs: tuple[str, ...] = ()
    device_status: tuple[int, ...] = ()
    chip_ids: tuple[int, ...] = ()
    min_device_version: int | None = None


@dataclass(frozen=True, slots=True)
class Register:
    """The enrolled keys."""

    devices: tuple[Enrolled, ...] = ()

    @classmethod
    def of(cls, *sources: "Enrolled | EcKey | bytes | str") -> "Register":
        """From enrolments, or bare keys. Raises ReferenceUnusable."""
        return cls(tuple(s if isinstance(s, Enrolled) else Enrolled(enrolled_key(s)) for s in sources))

    def find(self, point: bytes) -> Enrolled | None:
        """The enrolment of a public point (04||X||Y)."""
        return next((device for device in self.devices if device.key.point() == point), None)

    def of_device(self, device_id: bytes) -> Iterable[Enrolled]:
        """The keys that are enrolled for a device."""
        return (device for device in self.devices if device.device_id == device_id)


def enrolled_key(source: EcKey | bytes | str) -> EcKey:
    """A key on P-256 from PEM or a point, compressed as tokens have it or not. Raises ReferenceUnusable."""
    try:
        key = _compressed(source) or load_key(source)
    except KeyUnusable as error:
        found = str(error).partition("; legal:")[0]
        raise ReferenceUnusable(f"{found}; {KEY_LEGAL}") from None
    if not isinstance(key, EcKey) or key.curve is not Curve.P256:
        raise ReferenceUnusable(f"key: found {key.label}; {KEY_LEGAL}")
    return key


def point_key(point: bytes) -> EcKey | None:
    """The key of a compressed point (33 bytes); None if it is not on P-256."""
    try:
        return from_public(ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
    except ValueError:
        return None


def _compressed(source: EcKey | bytes | str) -> EcKey | None:
    if isinstance(source, EcKey):
        return None
    text = source if isinstance(source, str) else source.decode("latin-1")
    try:
        raw = bytes.fromhex(text)
    except ValueError:
        raw = source if isinstance(source, bytes) else b""
    return point_key(raw) if len(raw) == 33 and raw[0] in (2, 3) else None
