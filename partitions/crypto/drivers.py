"""Opaque drivers: keys in another location than the service's own (PSA Crypto Driver Interface 1.0, 4 and 6).

A driver is chosen by the location in a key's lifetime. Of such a key the service holds the driver's key data
and nothing else, in its slot and in internal trusted storage: a wrapped key, a label, a slot number. What the
service does with the key goes to the driver, which answers for every entry point that it lacks with
NOT_SUPPORTED. TF-M's builtin key loader, at location 0x800001 unless a build moves it, is no such driver: its
keys are loaded into the service and used there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from importlib import import_module
from typing import Final, NoReturn, Protocol, Self

from ...interface.errors import TfmSimError
from ...interface.psa.crypto_types import KeyAttributes
from ...interface.psa.crypto_values import PSA_KEY_LOCATION_LOCAL_STORAGE
from ...interface.psa.status import PSA_ERROR_NOT_SUPPORTED
from ...platform.hal import PlatformHal
from .refusal import Refusal

_LAST_LOCATION: Final = 0xFFFFFF


class DriverError(TfmSimError):
    """A driver that cannot be: its location is taken or reserved, or its class is not to be found."""


@dataclass(frozen=True, slots=True)
class DriverKey:
    """A key as its driver gets it: the attributes, and the driver's own data of it."""

    attributes: KeyAttributes
    data: bytes = field(repr=False)


class MacState(Protocol):
    """A MAC under way."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes:
        """The full MAC of what was put in; the service cuts it to the algorithm's length."""


class OpaqueDriver:
    """The driver of one location. Subclass it; what a class leaves out is NOT_SUPPORTED.

    Policies, buffer sizes and the checks that need no key are the service's: an entry point is only asked for
    what the key's policy allows. It refuses with ``Refusal(status)``; key data that is not its own it must
    recognise (INVALID_ARGUMENT or CORRUPTION_DETECTED), because it comes back from storage. It is made anew
    at each power-on with the HAL functions that the crypto partition has, and keeps nothing over a reset.
    """

    def __init__(self, hal: PlatformHal) -> None:
        self.hal = hal

    def import_key(self, attributes: KeyAttributes, data: bytes) -> tuple[int, bytes]:
        """(size in bits, key data) of a key given in PSA's format, or in one of the driver's own."""
        self._lacks(attributes, data)

    def generate_key(self, attributes: KeyAttributes) -> bytes:
        """The key data of a new key."""
        self._lacks(attributes)

    def copy_key(self, key: DriverKey, attributes: KeyAttributes) -> bytes:
        """The key data of a copy with ``attributes`` in the same location."""
        self._lacks(key, attributes)

    def destroy_key(self, key: DriverKey) -> None:
        """Forget the key; nothing to do for a driver that keeps none. A key that is gone is no error."""

    def export_key(self, key: DriverKey) -> bytes:
        """The key in PSA's format: for exports that the policy allows, and copies to another location."""
        self._lacks(key)

    def export_public_key(self, key: DriverKey) -> bytes:
        """The public key in PSA's format."""
        self._lacks(key)

    def sign_hash(self, key: DriverKey, alg: int, digest: bytes) -> bytes:
        """The signature in PSA's format."""
        self._lacks(key, alg, digest)

    def sign_message(self, key: DriverKey, alg: int, message: bytes) -> bytes:
        """As sign_hash; where it is lacking the service hashes and asks sign_hash."""
        self._lacks(key, alg, message)

    def verify_hash(self, key: DriverKey, alg: int, digest: bytes, signature: bytes) -> bool:
        """Whether a signature fits; where it is lacking the service verifies with the exported public key."""
        self._lacks(key, alg, digest, signature)

    def verify_message(self, key: DriverKey, alg: int, message: bytes, signature: bytes) -> bool:
        """As verify_hash; where it is lacking the service hashes and verifies the digest."""
        self._lacks(key, alg, message, signature)

    def mac_setup(self, key: DriverKey, alg: int) -> MacState:
        """A new MAC of the full length of ``alg``, for one call or many."""
        self._lacks(key, alg)

    def cipher_encrypt(self, key: DriverKey, alg: int, iv: bytes, data: bytes) -> bytes:
        """The ciphertext without the IV."""
        self._lacks(key, alg, iv, data)

    def cipher_decrypt(self, key: DriverKey, alg: int, iv: bytes, data: bytes) -> bytes:
        """The plaintext."""
        self._lacks(key, alg, iv, data)

    def aead_encrypt(self, key: DriverKey, alg: int, nonce: bytes, ad: bytes, data: bytes) -> bytes:
        """The ciphertext and behind it the tag."""
        self._lacks(key, alg, nonce, ad, data)

    def aead_decrypt(self, key: DriverKey, alg: int, nonce: bytes, ad: bytes, data: bytes) -> bytes:
        """The plaintext of ciphertext and tag; refuses with INVALID_SIGNATURE."""
        self._lacks(key, alg, nonce, ad, data)

    def asymmetric_encrypt(self, key: DriverKey, alg: int, data: bytes, salt: bytes) -> bytes:
        """The ciphertext; where it is lacking the service encrypts with the exported public key."""
        self._lacks(key, alg, data, salt)

    def asymmetric_decrypt(self, key: DriverKey, alg: int, data: bytes, salt: bytes) -> bytes:
        """The plaintext."""
        self._lacks(key, alg, data, salt)

    def key_agreement(self, key: DriverKey, alg: int, peer: bytes) -> bytes:
        """The shared secret, raw."""
        self._lacks(key, alg, peer)

    def key_derivation_input_key(self, key: DriverKey, alg: int, step: int) -> bytes:
        """The bytes that the service feeds into a derivation for this key at this step."""
        self._lacks(key, alg, step)

    def setup_in_parts(self, key: DriverKey, alg: int) -> NoReturn:
        """Refuses a cipher or an AEAD in parts, which no driver here has."""
        self._lacks(key, alg)

    def _lacks(self, *_: object) -> NoReturn:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)


@dataclass(frozen=True, slots=True)
class DriverSpec:
    """A location and its driver, by module and name, so that it travels to the partition's own process.

    The module is imported where the spec is made. Raises DriverError for a location that no driver can have
    and for a class that is none.
    """

    location: int
    module: str
    name: str

    def __post_init__(self) -> None:
        if not PSA_KEY_LOCATION_LOCAL_STORAGE < self.location <= _LAST_LOCATION:
            raise DriverError(f"driver of location {self.location:#x}; legal: 1 to {_LAST_LOCATION:#x}")
        self._find()

    @classmethod
    def of(cls, location: int, driver: type[OpaqueDriver]) -> Self:
        """The spec of a class at the top of a module. Raises DriverError for anything else."""
        if not isinstance(driver, type):
            raise DriverError(f"driver of location {location:#x}: found {driver!r:.60}; legal: a class")
        return cls(location, driver.__module__, driver.__qualname__)

    def make(self, hal: PlatformHal) -> OpaqueDriver:
        """The driver, new."""
        return self._find()(hal)

    def _find(self) -> type[OpaqueDriver]:
        try:
            found = getattr(import_module(self.module), self.name, None)
        except ImportError as error:
            raise DriverError(f"driver {self.module}.{self.name}: {error}") from error
        if not isinstance(found, type) or not issubclass(found, OpaqueDriver):
            raise DriverError(
                f"driver {self.module}.{self.name}: found {found!r:.60}; legal: a subclass of OpaqueDriver "
                "at the top of a module"
            )
        return found


def check_locations(specs: Iterable[DriverSpec], builtin_loader: int) -> None:
    """Raises DriverError for two drivers of one location, and for one where the builtin key loader is."""
    taken: set[int] = set()
    for spec in specs:
        if spec.location == builtin_loader:
            raise DriverError(
                f"driver of location {spec.location:#x}, where TF-M's builtin key loader is; legal: another, "
                "or a builtin_key_location that moves the loader"
            )
        if spec.location in taken:
            raise DriverError(f"two drivers of location {spec.location:#x}; legal: one")
        taken.add(spec.location)


def make_drivers(specs: Iterable[DriverSpec], hal: PlatformHal) -> dict[int, OpaqueDriver]:
    """The drivers by location."""
    return {spec.location: spec.make(hal) for spec in specs}
