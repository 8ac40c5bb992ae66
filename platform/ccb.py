"""The coupling and chaining bridge (CCB) of STM32U3: blobs of keys that the CPU never sees in the clear.

The bridge couples SAES, PKA and RNG. Creating a blob, the key goes from the RNG (or the CPU) into the PKA's
RAM and through the SAES out as ciphertext; using one, it goes through the SAES into the PKA's RAM, where it
is used and wiped. The parameters of the operation are authenticated with it: the CPU writes them to the PKA,
and the SAES takes address and data of each word in as the header of its GCM, so that a blob made for one
curve, or for scalar multiplication, is no use to another. Sequence, codes and steps are those of ST's HAL
(stm32u3xx_hal_ccb.c).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..interface.errors import TfmSimError
from ..interface.trace import Trace
from . import pka
from .ccb_events import CPU_BUS, PRIVATE_BUS, RSS_BUS, CcbOperation, KeyMoved
from .pka import CurveParameters, PkaError, RsaParameters, Words
from .saes import Saes, SaesError

IV_SIZE: Final = 16
TAG_SIZE: Final = 16
CONTEXT_SIZE: Final = IV_SIZE + TAG_SIZE
_IV0: Final = (2).to_bytes(4, "little")
"""The counter of GCM's first block, in the word that the blob begins with."""
_CREATION: Final = (0x01, 0x02, 0x03, 0x04, 0x08, 0x09, 0x0A)
_CREATION_BY_RNG: Final = (0x01, 0x02, 0x03, 0x06, 0x08, 0x09, 0x0A)
_SIGNING: Final = (0x01, 0x12, 0x13, 0x14, 0x16, 0x17, 0x18, 0x19, 0x1A)
"""0x16 draws the secret number of a signature."""
_USE: Final = tuple(step for step in _SIGNING if step != 0x16)
_TAG_CHECKED: Final = 0x17


class CcbError(TfmSimError):
    """HAL_ERROR of an operation of the bridge."""


@dataclass(frozen=True, slots=True)
class Operation:
    """A value of CCOP in CCB_CR."""

    name: str
    code: int


ECDSA_SIGN_CPU_BLOB_CREATION: Final = Operation("ECDSA_SIGN_CPU_BLOB_CREATION", 0xC0)
ECDSA_SIGN_RNG_BLOB_CREATION: Final = Operation("ECDSA_SIGN_RNG_BLOB_CREATION", 0xC2)
ECDSA_SIGN_BLOB_USE: Final = Operation("ECDSA_SIGN_BLOB_USE", 0xC3)
ECC_SCALAR_MUL_CPU_BLOB_CREATION: Final = Operation("ECC_SCALAR_MUL_CPU_BLOB_CREATION", 0x80)
ECC_SCALAR_MUL_RNG_BLOB_CREATION: Final = Operation("ECC_SCALAR_MUL_RNG_BLOB_CREATION", 0x82)
ECC_SCALAR_MUL_BLOB_USE: Final = Operation("ECC_SCALAR_MUL_BLOB_USE", 0x81)
MODULAR_EXP_CPU_BLOB_CREATION: Final = Operation("MODULAR_EXP_CPU_BLOB_CREATION", 0x44)
MODULAR_EXP_BLOB_USE: Final = Operation("MODULAR_EXP_BLOB_USE", 0x45)


class Ccb:
    """The bridge of one device. ``trace`` hears of operations and of the ways that keys take.

    A blob is IV, tag and wrapped key, 16, 16 and as many bytes as the key. ``secure`` is whose DHUK wraps.
    Every function raises CcbError where the HAL's answers HAL_ERROR.
    """

    def __init__(self, saes: Saes, random: Callable[[int], bytes]) -> None:
        self._saes = saes
        self._random = random
        self.trace: Trace | None = None

    def wrap_ecdsa(self, curve: CurveParameters, private: bytes, *, secure: bool) -> bytes:
        """A blob for signatures of a private key from the CPU."""
        return self._wrap_scalar(ECDSA_SIGN_CPU_BLOB_CREATION, curve, private, pka.ecdsa_parameters, secure)

    def wrap_in_rss(self, curve: CurveParameters, private: bytes, *, secure: bool) -> bytes:
        """The same, of a key that the root security services have; they run before any other software."""
        self._moved("DUA key", "RSS", "PKA RAM", RSS_BUS, clear=True)
        words = pka.ecdsa_parameters(curve)
        return self._create(ECDSA_SIGN_CPU_BLOB_CREATION, _CREATION, words, private, secure)

    def wrap_scalar(self, curve: CurveParameters, private: bytes, *, secure: bool) -> bytes:
        """A blob for scalar multiplication of a private key from the CPU."""
        parameters = pka.scalar_mul_parameters
        return self._wrap_scalar(ECC_SCALAR_MUL_CPU_BLOB_CREATION, curve, private, parameters, secure)

    def generate_ecdsa(self, curve: CurveParameters, *, secure: bool) -> bytes:
        """A blob for signatures of a private key that the RNG draws."""
        return self._generate(ECDSA_SIGN_RNG_BLOB_CREATION, curve, pka.ecdsa_parameters(curve), secure)

    def generate_scalar(self, curve: CurveParameters, *, secure: bool) -> bytes:
        """A blob for scalar multiplication of a private key that the RNG draws."""
        words = pka.scalar_mul_parameters(curve)
        return self._generate(ECC_SCALAR_MUL_RNG_BLOB_CREATION, curve, words, secure)

    def sign(self, curve: CurveParameters, blob: bytes, digest: bytes, *, secure: bool) -> bytes:
        """Unwrap and sign in one: r || s."""
        private = self._use(ECDSA_SIGN_BLOB_USE, pka.ecdsa_parameters(curve), blob, secure)
        return self._computed(lambda: pka.ecdsa_sign(curve, _number(private), digest, self._random))

    def public_key(self, curve: CurveParameters, blob: bytes, *, secure: bool) -> bytes:
        """X || Y of a blob for signatures."""
        private = self._use(ECC_SCALAR_MUL_BLOB_USE, pka.ecdsa_parameters(curve), blob, secure)
        return self._computed(lambda: pka.public_point(curve, _number(private)))

    def multiply(self, curve: CurveParameters, blob: bytes, point: bytes, *, secure: bool) -> bytes:
        """X of a blob for scalar multiplication times a point X || Y."""
        private = self._use(ECC_SCALAR_MUL_BLOB_USE, pka.scalar_mul_parameters(curve), blob, secure)
        return self._computed(lambda: pka.scalar_mul(curve, _number(private), point))

    def wrap_rsa(self, rsa: RsaParameters, exponent: bytes, phi: bytes, *, secure: bool) -> bytes:
        """A blob of a private exponent and phi from the CPU, both of the modulus' size."""
        self._moved("private key", "CPU", "PKA RAM", CPU_BUS, clear=True)
        parameters = pka.rsa_parameters(rsa)
        return self._create(MODULAR_EXP_CPU_BLOB_CREATION, _CREATION, parameters, exponent + phi, secure)

    def exponentiate(self, rsa: RsaParameters, blob: bytes, operand: bytes, *, secure: bool) -> bytes:
        """The operand to the power of the private exponent."""
        opened = self._use(MODULAR_EXP_BLOB_USE, pka.rsa_parameters(rsa), blob, secure)
        exponent = _number(opened[: len(rsa.modulus)])
        return self._computed(lambda: pka.modular_exponentiation(rsa, exponent, operand))

    def _wrap_scalar(
        self,
        operation: Operation,
        curve: CurveParameters,
        private: bytes,
        parameters: Callable[[CurveParameters], Words],
        secure: bool,
    ) -> bytes:
        self._moved("private key", "CPU", "PKA RAM", CPU_BUS, clear=True)
        # STM32 HAL_CCB_ECDSA_WrapPrivateKey: the PKA computes with the key in the clear first.
        self._computed(lambda: pka.public_point(curve, _number(private)))
        return self._create(operation, _CREATION, parameters(curve), private, secure)

    def _generate(
        self, operation: Operation, curve: CurveParameters, parameters: Words, secure: bool
    ) -> bytes:
        private = self._drawn(curve)
        self._moved("private key", "RNG", "PKA RAM", PRIVATE_BUS, clear=True)
        return self._create(operation, _CREATION_BY_RNG, parameters, private, secure)

    def _drawn(self, curve: CurveParameters) -> bytes:
        try:
            return pka.private_scalar(curve, self._random).to_bytes(len(curve.order), "big")
        except PkaError as error:
            raise CcbError(f"PKA: {error}") from error

    def _create(
        self, operation: Operation, steps: tuple[int, ...], parameters: Words, key: bytes, secure: bool
    ) -> bytes:
        self._moved("private key", "PKA RAM", "SAES", PRIVATE_BUS, clear=True)
        nonce = self._random(12)
        sealed = self._saes.seal(nonce, _header(parameters), _reversed_words(key), secure=secure)
        self._moved("private key", "SAES", "CPU", CPU_BUS, clear=False)
        self._done(operation, steps, ok=True)
        wrapped, tag = sealed[:-TAG_SIZE], sealed[-TAG_SIZE:]
        return _IV0 + _reversed_bytes(nonce) + _swapped(tag) + _reversed_bytes(wrapped)

    def _use(self, operation: Operation, parameters: Words, blob: bytes, secure: bool) -> bytes:
        steps = _SIGNING if operation is ECDSA_SIGN_BLOB_USE else _USE
        self._moved("private key", "CPU", "SAES", CPU_BUS, clear=False)
        iv, tag, wrapped = blob[:IV_SIZE], blob[IV_SIZE:CONTEXT_SIZE], blob[CONTEXT_SIZE:]
        try:
            # GCM's payload begins with counter 2; with another the key stream is another one, and so the key.
            if iv[:4] != _IV0:
                raise SaesError("a first counter that is not 2")
            sealed = _reversed_bytes(wrapped) + _swapped(tag)
            opened = self._saes.open(_reversed_bytes(iv[4:]), _header(parameters), sealed, secure=secure)
        except SaesError as error:
            self._done(operation, steps[: steps.index(_TAG_CHECKED) + 1], ok=False)
            raise CcbError(f"{operation.name}: {error}") from error
        self._moved("private key", "SAES", "PKA RAM", PRIVATE_BUS, clear=True)
        self._done(operation, steps, ok=True)
        return _reversed_words(opened)

    def _computed(self, compute: Callable[[], bytes]) -> bytes:
        try:
            return compute()
        except PkaError as error:
            raise CcbError(f"PKA: {error}") from error

    def _moved(self, key: str, source: str, target: str, bus: str, *, clear: bool) -> None:
        if self.trace is not None and self.trace.listeners:
            self.trace.emit(KeyMoved(key, source, target, bus, clear))

    def _done(self, operation: Operation, steps: tuple[int, ...], *, ok: bool) -> None:
        if self.trace is not None and self.trace.listeners:
            self.trace.emit(CcbOperation(operation.name, operation.code, steps, ok))


def _number(key: bytes) -> int:
    return int.from_bytes(key, "big")


def _header(parameters: Words) -> bytes:
    """Address and data of each word, as the bridge hands them to the SAES; 32 bits each, big endian."""
    return b"".join(value.to_bytes(4, "big") for pair in parameters for value in pair)


def _reversed_words(key: bytes) -> bytes:
    """The PKA's RAM has the least significant word first; the SAES takes words as they come."""
    return b"".join(key[i : i + 4] for i in range(len(key) - 4, -1, -4))


def _swapped(words: bytes) -> bytes:
    """Words of the SAES as the CPU stores them: little endian, in their order."""
    return b"".join(words[i : i + 4][::-1] for i in range(0, len(words), 4))


def _reversed_bytes(words: bytes) -> bytes:
    """The HAL stores IV and wrapped key from the last word down, each little endian: the bytes in reverse."""
    return words[::-1]
