"""What an STM32 chip keeps to itself: the root of its wrapping key, and its authentication keys (DUA).

The root key lies in the chip since it was made. The DUA keys are drawn in it at ST's factory; the root
security services (RSS) can read them before they hide themselves and leave for the boot loader. No memory map
has them.
"""

from hashlib import sha256
from typing import Final

from ..interface.errors import TfmSimError
from ..interface.stm32.dua_certificate import CertId
from ..interface.stm32.key_wrap_engine import RsseKeyType, pack_rsse_blob
from ..interface.trace import Trace
from .ccb import Ccb
from .flash import FlashArea
from .pka import SECP256R1, private_scalar, public_point
from .random_source import RandomSource
from .saes import RHUK_SIZE, Saes, SaesError

KEY_SIZE: Final = 32
_RHUK: Final = 0
_KEYS: Final = {CertId.DUA_USER_FU: 0x20, CertId.DUA_USER_LU: 0x40}
_KEY_OF_TYPE: Final = {
    RsseKeyType.ECCCHIPFU: CertId.DUA_USER_FU,
    RsseKeyType.ECCCHIPLU: CertId.DUA_USER_LU,
}


class RssError(TfmSimError):
    """The root security services cannot do what they are asked."""


class ChipSecrets:
    """The secrets of one chip, and the engines that may use them.

    ``area`` holds them, ``entropy`` and ``seed`` make a new chip's root key, so that a run can be repeated:
    two chips with both alike are one chip as far as keys go.
    """

    def __init__(self, area: FlashArea, random: RandomSource, entropy: bytes, seed: int) -> None:
        self._area = area
        self._random = random
        self._saes = Saes(self._rhuk)
        self.ccb = Ccb(self._saes, random.bytes)
        if self._is_erased(_RHUK, RHUK_SIZE):
            root = sha256(b"tfm-sim RHUK 1" + sha256(entropy).digest() + str(seed).encode()).digest()
            with area.flash.power.programmer():
                area.write(_RHUK, root)

    @property
    def saes(self) -> Saes:
        return self._saes

    def traced_by(self, trace: Trace) -> None:
        """Let the trace hear of every way that a key takes."""
        self._saes.trace = self.ccb.trace = trace

    def make_key(self, certificate: CertId) -> bytes:
        """Draw an authentication key in the chip; 04, X, Y of its public key is all that comes out.

        Raises RssError where the chip has one already.
        """
        at = _KEYS[certificate]
        if not self._is_erased(at, KEY_SIZE):
            raise RssError(f"{certificate.name}: the chip has this key already; legal: once, in ST's factory")
        private = private_scalar(SECP256R1, self._random.bytes)
        with self._area.flash.power.programmer():
            self._area.write(at, private.to_bytes(KEY_SIZE, "big"))
        return b"\x04" + public_point(SECP256R1, private)

    def export_wrapped(self, key_type: RsseKeyType, *, secure: bool) -> bytes:
        """RSSe-KW: the blob of an authentication key for signatures under DHUK, 112 bytes.

        ``secure`` is SecAttr: whose CPU may use it. STM32 RSSe-KW: the key in the clear is never its answer.
        Raises RssError for a key that the chip was not given.
        """
        certificate = _KEY_OF_TYPE[key_type]
        at = _KEYS[certificate]
        if self._is_erased(at, KEY_SIZE):
            raise RssError(f"{certificate.name}: the chip has no such key; legal: after ST's factory")
        wrapped = self.ccb.wrap_in_rss(SECP256R1, self._area.read(at, KEY_SIZE), secure=secure)
        return pack_rsse_blob(wrapped)

    def _rhuk(self) -> bytes:
        if self._is_erased(_RHUK, RHUK_SIZE):
            raise SaesError("no root key in this chip")
        return self._area.read(_RHUK, RHUK_SIZE)

    def _is_erased(self, offset: int, size: int) -> bool:
        return self._area.read(offset, size) == bytes([self._area.erased_value]) * size
