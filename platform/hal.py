"""TF-M's platform HAL as the secure partitions see it, and the grants that limit each of them.

Names are those of TF-M 2.2.2 (tfm_attest_hal.h, tfm_plat_*.h, tfm_hal_*.h, tfm_platform_system.h) with its
template's behaviour; the values come from the device's OTP. Sizes are bytes; a
``size`` argument is the caller's buffer.

A partition may run in another process: every function takes and returns plain values only, that is int, bool,
bytes, str, None, or a frozen dataclass of these.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, NoReturn, TypeVar

from ..interface.errors import TfmSimError
from ..interface.psa.crypto_key_sizes import PSA_BITS_TO_BYTES
from ..interface.psa.crypto_values import (
    PSA_ALG_ECDSA,
    PSA_ALG_IS_HMAC,
    PSA_ALG_SHA_256,
    PSA_KEY_TYPE_ECC_KEY_PAIR,
    PSA_KEY_TYPE_HMAC,
)
from ..interface.tfm.platform import NV_COUNTER_SIZE
from . import nv_counters
from .flash import FlashArea, FlashError
from .hal_esp32 import Esp32Hal, Esp32Parts
from .hal_stm32 import Stm32Hal, Stm32Parts
from .initial_attest_key import INSTANCE_ID_MAX_SIZE, EccKey, ecc_key, instance_id
from .ioctl import IoctlHandler, IoctlReply, IoctlRequest, no_requests
from .its_encryption import ItsEncryption
from .kmu import Kmu, KmuSlot
from .lifecycle import psa_lifecycle
from .nv_counters import NvCounter, NvCounters
from .otp import Otp, OtpField
from .plat_err import PlatError, TfmPlatErr
from .power import SystemReset
from .random_source import RandomSource

PLATFORM_CONFIG: Final = bytes.fromhex("efbeadde")
PLATFORM_HASH_ALGO: Final = b"not-hash-extended"
HW_VERSION_MAX_SIZE: Final = 18
"""TF-M of 2019: EAN-13 and five digits more, without a dash."""


T = TypeVar("T")


class HalDenied(TfmSimError):
    """A partition called a HAL function that its board does not grant it."""


@dataclass(frozen=True, slots=True)
class IakKey:
    """The initial attestation key as the builtin key loader hands it to crypto.

    ``type`` is a psa_key_type_t (ECC key pair of the family in OTP, or HMAC), ``bits`` its size,
    ``algorithm`` a psa_algorithm_t, ``data`` the private scalar (big endian) or the HMAC key; empty where
    none was burnt.
    """

    type: int
    bits: int
    algorithm: int
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FlashAreaInfo:
    """A flash area: the id that the flash functions take, and its geometry in bytes."""

    id: int
    name: str
    size: int
    erase_block: int
    write_size: int
    erased_value: int


class PlatformHal(Esp32Hal, Stm32Hal):
    """The HAL of one device. A partition gets it through ``granted``."""

    def __init__(
        self,
        otp: Otp,
        counters: NvCounters,
        rng: RandomSource,
        its_area: FlashArea | None = None,
        ps_area: FlashArea | None = None,
        on_reset: Callable[[str], None] | None = None,
        slots: Mapping[tuple[int, int], FlashArea] | None = None,
        its_encryption: ItsEncryption | None = None,
        ioctl: IoctlHandler = no_requests,
        kmu: Kmu | None = None,
        esp32: Esp32Parts | None = None,
        stm32: Stm32Parts | None = None,
    ) -> None:
        """``slots`` by MCUboot's image index and slot number, 0 primary and 1 secondary."""
        self._otp = otp
        self._counters = counters
        self._rng = rng
        self._its_area = its_area
        self._ps_area = ps_area
        self._on_reset = on_reset
        self._slots = slots or {}
        self._ioctl = ioctl
        self._kmu = kmu or Kmu()
        self._esp32 = esp32
        self._stm32 = stm32
        self._its_encryption = its_encryption or ItsEncryption(otp, rng)

    def tfm_attest_hal_get_security_lifecycle(self) -> int:
        """The PSA lifecycle, 32 bits; UNKNOWN (0) for any OTP code that is not one of TF-M's."""
        return int(psa_lifecycle(int.from_bytes(self._otp.read(OtpField.LCS), "little")))

    def psa_rot_lifecycle_state(self) -> int:
        """FF-M 1.1 psa_rot_lifecycle_state: the same state, as the SPM reports it."""
        return self.tfm_attest_hal_get_security_lifecycle()

    def tfm_attest_hal_get_verification_service(self, size: int = 32) -> bytes:
        """The verification service's URL, up to the first NUL within ``size``."""
        return self._string(OtpField.VERIFICATION_SERVICE_URL, size)

    def tfm_attest_hal_get_profile_definition(self, size: int = 48) -> bytes:
        """Empty: TF-M's template leaves the profile to the attestation service's build options."""
        return b""

    def tfm_plat_get_boot_seed(self, size: int = 32) -> bytes:
        """The boot seed from OTP, the same at every boot. ``size`` bytes, at most 32."""
        return self._otp.read(OtpField.BOOT_SEED, size)

    def tfm_plat_get_implementation_id(self, size: int = 32) -> bytes:
        """The implementation id, binary, ``min(size, 32)`` bytes."""
        return self._otp.read(OtpField.IMPLEMENTATION_ID, size)

    def tfm_plat_get_cert_ref(self, size: int = 32) -> bytes:
        """The certification reference, up to the first NUL within ``size``."""
        return self._string(OtpField.CERT_REF, size)

    def tfm_attest_hal_get_platform_config(self, size: int = 32) -> bytes:
        """The CCA platform configuration, 4 bytes. Raises PlatError SYSTEM_ERR for a smaller buffer."""
        if size < len(PLATFORM_CONFIG):
            raise PlatError(
                TfmPlatErr.SYSTEM_ERR, f"platform config: buffer of {size} bytes; legal: 4 and up"
            )
        return PLATFORM_CONFIG

    def tfm_attest_hal_get_platform_hash_algo(self) -> bytes:
        """The CCA platform hash algorithm's name; TF-M's literal where the build names none."""
        return PLATFORM_HASH_ALGO

    def tfm_plat_get_huk(self) -> bytes:
        """The hardware unique key, 32 bytes."""
        return self._otp.read(OtpField.HUK)

    def tfm_plat_get_dak_seed(self) -> bytes:
        """The seed of delegated attestation keys, 32 bytes, that BL1 of an RSE left in the KMU.

        Raises PlatError SYSTEM_ERR where no BL1 did.
        """
        return self._kmu.get_key(KmuSlot.DAK_SEED)

    def tfm_plat_get_iak(self) -> IakKey:
        """The initial attestation key. Raises PlatError SYSTEM_ERR where its length passes the field's."""
        length = int.from_bytes(self._otp.read(OtpField.IAK_LEN), "little")
        if length > self._otp.size_of(OtpField.IAK):
            raise PlatError(
                TfmPlatErr.SYSTEM_ERR,
                f"IAK: length {length} in OTP; legal: up to {self._otp.size_of(OtpField.IAK)}",
            )
        kind = int.from_bytes(self._otp.read(OtpField.IAK_TYPE), "little")
        data = self._otp.read(OtpField.IAK, length)
        # TF-M's build knows whether the type field holds an algorithm or a curve; its values tell us.
        if PSA_ALG_IS_HMAC(kind):
            return IakKey(PSA_KEY_TYPE_HMAC, 8 * length, kind, data)
        family = kind & 0xFF
        # TF-M's template says 8 bits a byte, which is right for every curve but P-521.
        bits = 521 if length == PSA_BITS_TO_BYTES(521) else 8 * length
        return IakKey(PSA_KEY_TYPE_ECC_KEY_PAIR(family), bits, PSA_ALG_ECDSA(PSA_ALG_SHA_256), data)

    def tfm_plat_get_initial_attest_key(self) -> EccKey:
        """TF-M of 2019: the whole initial attestation key. Raises PlatError SYSTEM_ERR for none of P-256."""
        iak = self.tfm_plat_get_iak()
        if iak.type == PSA_KEY_TYPE_HMAC:
            raise PlatError(
                TfmPlatErr.SYSTEM_ERR, "initial attestation key: an HMAC key; legal: one of P-256"
            )
        return ecc_key(iak.data)

    def tfm_plat_get_instance_id(self, size: int = INSTANCE_ID_MAX_SIZE) -> bytes:
        """TF-M of 2019: the UEID, 33 bytes. Raises PlatError SYSTEM_ERR for a smaller buffer or no key."""
        if size < INSTANCE_ID_MAX_SIZE:
            raise PlatError(TfmPlatErr.SYSTEM_ERR, f"instance id: buffer of {size} bytes; legal: 33 and up")
        return instance_id(self.tfm_plat_get_initial_attest_key())

    def tfm_plat_get_hw_version(self, size: int = HW_VERSION_MAX_SIZE) -> bytes:
        """TF-M of 2019: the hardware version, a text of 18 digits in its dummy data.

        It lies where the certification reference does since 2022. Raises PlatError SYSTEM_ERR where it is
        longer than ``size``.
        """
        version = self._string(OtpField.CERT_REF, self._otp.size_of(OtpField.CERT_REF))
        if len(version) > size:
            raise PlatError(
                TfmPlatErr.SYSTEM_ERR, f"hardware version of {len(version)} bytes; legal: up to {size}"
            )
        return version

    def tfm_plat_get_symmetric_iak_id(self, size: int = 32) -> bytes:
        """The key id of a symmetric IAK, up to the first NUL within ``size``."""
        return self._string(OtpField.IAK_ID, size)

    def tfm_plat_read_nv_counter(self, counter: int, size: int = NV_COUNTER_SIZE) -> int:
        """A counter's value. Raises NvCounterError, and PlatError SYSTEM_ERR for a ``size`` but 4 bytes."""
        if size != NV_COUNTER_SIZE:
            raise PlatError(TfmPlatErr.SYSTEM_ERR, f"NV counter in {size} bytes; legal: {NV_COUNTER_SIZE}")
        return self._counters.read(counter)

    def tfm_plat_increment_nv_counter(self, counter: int) -> None:
        """Raise a counter by one. Raises NvCounterError, MAX_VALUE at its limit."""
        self._counters.increment(counter)

    def tfm_plat_set_nv_counter(self, counter: int, value: int) -> None:
        """Raise a counter to ``value``. Raises NvCounterError."""
        self._counters.set(counter, value)

    def tfm_plat_nv_counter_permissions_check(self, client_id: int, counter: int) -> bool:
        """Whether a client may use a counter: PS counters the PS partition, NS counters negative ids."""
        return nv_counters.permissions_check(client_id, counter)

    def tfm_plat_ns_counter_idx_to_nv_counter(self, index: int) -> int:
        """The counter behind NS index 0 to 2. Raises PlatError INVALID_INPUT for another."""
        if not 0 <= index <= 2:
            raise PlatError(TfmPlatErr.INVALID_INPUT, f"NS counter index {index}; legal: 0 to 2")
        return int(NvCounter.NS_0) + index

    def tfm_hal_its_fs_info(self) -> FlashAreaInfo:
        """The flash area of internal trusted storage. Raises PlatError UNSUPPORTED without one."""
        return self._info(self._its_area, "ITS")

    def tfm_hal_ps_fs_info(self) -> FlashAreaInfo:
        """The flash area of protected storage. Raises PlatError UNSUPPORTED without one."""
        return self._info(self._ps_area, "PS")

    def tfm_hal_flash_read(self, area_id: int, offset: int, length: int) -> bytes:
        """``length`` bytes at ``offset`` of the ITS or PS area.

        Raises PlatError INVALID_INPUT for another area's id or a range outside the area.
        """
        return self._on_flash(area_id, lambda area: area.read(offset, length))

    def tfm_hal_flash_program(self, area_id: int, offset: int, data: bytes) -> None:
        """Program whole program units at ``offset`` of the ITS or PS area.

        Raises PlatError INVALID_INPUT for another area's id, a range outside the area or not in units, and
        cells that would have to return to their erased state.
        """
        self._on_flash(area_id, lambda area: area.write(offset, data))

    def tfm_hal_flash_erase(self, area_id: int, offset: int, length: int) -> None:
        """Erase whole blocks of the ITS or PS area.

        Raises PlatError INVALID_INPUT for another area's id and a range outside the area or not in blocks.
        """
        self._on_flash(area_id, lambda area: area.erase(offset, length))

    def tfm_hal_its_aead_generate_nonce(self) -> bytes:
        """A nonce of 12 bytes for the encryption of an asset. Raises PlatError SYSTEM_ERR when used up."""
        return self._its_encryption.nonce()

    def tfm_hal_its_aead_encrypt(
        self, deriv_label: bytes, nonce: bytes, aad: bytes, plaintext: bytes
    ) -> bytes:
        """Ciphertext and tag of an asset, with the key of ``deriv_label``. Raises PlatError INVALID_INPUT."""
        return self._its_encryption.encrypt(deriv_label, nonce, aad, plaintext)

    def tfm_hal_its_aead_decrypt(self, deriv_label: bytes, nonce: bytes, aad: bytes, sealed: bytes) -> bytes:
        """The asset from ciphertext and tag. Raises PlatError SYSTEM_ERR for what is not authentic."""
        return self._its_encryption.decrypt(deriv_label, nonce, aad, sealed)

    def flash_area_id_from_multi_image_slot(self, image: int, slot: int) -> int:
        """MCUboot's flash map: the area of an image's slot, 0 primary or 1 secondary.

        Raises PlatError INVALID_INPUT for a slot that the board has not.
        """
        area = self._slots.get((image, slot))
        if area is None:
            legal = ", ".join(str(key) for key in sorted(self._slots)) or "none"
            raise PlatError(
                TfmPlatErr.INVALID_INPUT, f"image {image}, slot {slot}; legal (image, slot): {legal}"
            )
        return area.id

    def flash_area_open(self, area_id: int) -> FlashAreaInfo:
        """Geometry of an image slot. Raises PlatError INVALID_INPUT for another area's id."""
        return self._info(self._slot(area_id), "image slot")

    def flash_area_read(self, area_id: int, offset: int, length: int) -> bytes:
        """``length`` bytes at ``offset`` of an image slot. Raises PlatError INVALID_INPUT."""
        return self._on_area(self._slot(area_id), lambda area: area.read(offset, length))

    def flash_area_write(self, area_id: int, offset: int, data: bytes) -> None:
        """Program an image slot at any offset; program units that are half covered keep their other bytes.

        Raises PlatError INVALID_INPUT for another area's id, a range outside the slot, and cells that would
        have to return to their erased state.
        """
        self._on_area(self._slot(area_id), lambda area: _write_padded(area, offset, data))

    def flash_area_erase(self, area_id: int, offset: int, length: int) -> None:
        """Erase whole blocks of an image slot, one after the other. Raises PlatError INVALID_INPUT."""
        self._on_area(self._slot(area_id), lambda area: _erase_blocks(area, offset, length))

    def tfm_hal_random(self, size: int) -> bytes:
        """``size`` random bytes from the device's seeded source."""
        return self._rng.bytes(size)

    def tfm_hal_system_reset(self) -> NoReturn:
        """Reset the device. Never returns: tells the device, then raises SystemReset."""
        if self._on_reset is not None:
            self._on_reset("system reset requested")
        raise SystemReset("system reset requested")

    def tfm_platform_hal_system_reset(self) -> NoReturn:
        """The platform service's name for the same."""
        self.tfm_hal_system_reset()

    def tfm_platform_hal_ioctl(self, request: int, input_: bytes = b"", output_size: int = 0) -> IoctlReply:
        """A request of the board's own; NOT_SUPPORTED on a board without, such as AN521.

        Raises PlatError SYSTEM_ERR where the board answers more than ``output_size`` bytes.
        """
        reply = self._ioctl(IoctlRequest(request, input_, output_size))
        if len(reply.output) > output_size:
            raise PlatError(
                TfmPlatErr.SYSTEM_ERR,
                f"platform ioctl {request:#x}: {len(reply.output)} bytes of output; legal: {output_size}",
            )
        return reply

    def _string(self, field: OtpField, size: int) -> bytes:
        # TF-M tfm_strnlen: a string ends at the first NUL within the buffer, or with it.
        return self._otp.read(field, size).split(b"\0", 1)[0]

    @staticmethod
    def _info(area: FlashArea | None, name: str) -> FlashAreaInfo:
        if area is None:
            raise PlatError(TfmPlatErr.UNSUPPORTED, f"the board has no flash area for {name}")
        return FlashAreaInfo(
            area.id, area.name, area.size, area.erase_block, area.write_size, area.erased_value
        )

    def _on_flash(self, area_id: int, act: Callable[[FlashArea], T]) -> T:
        areas = [area for area in (self._its_area, self._ps_area) if area is not None]
        return self._on_area(_area_of(area_id, areas), act)

    def _slot(self, area_id: int) -> FlashArea:
        return _area_of(area_id, self._slots.values())

    @staticmethod
    def _on_area(area: FlashArea, act: Callable[[FlashArea], T]) -> T:
        try:
            return act(area)
        except FlashError as error:
            raise PlatError(TfmPlatErr.INVALID_INPUT, str(error)) from error


def _area_of(area_id: int, areas: Collection[FlashArea]) -> FlashArea:
    area = next((area for area in areas if area.id == area_id), None)
    if area is None:
        legal = ", ".join(f"{area.id} ({area.name})" for area in areas) or "none"
        raise PlatError(TfmPlatErr.INVALID_INPUT, f"flash area {area_id}; legal: {legal}")
    return area


def _write_padded(area: FlashArea, offset: int, data: bytes) -> None:
    # TF-M flash_area_write: the range counts first, then the half covered units are read and written whole.
    area.read(offset, len(data))
    first = offset // area.write_size * area.write_size
    end = offset + len(data)
    last = end + -end % area.write_size
    area.write(first, area.read(first, offset - first) + data + area.read(end, last - end))


def _erase_blocks(area: FlashArea, offset: int, length: int) -> None:
    # TF-M flash_area_erase: sector by sector.
    if length % area.erase_block or not 0 <= offset <= offset + length <= area.size:
        area.erase(offset, length)  # raises
    for block in range(offset, offset + length, area.erase_block):
        area.erase(block, area.erase_block)


HAL_FUNCTIONS: Final = frozenset(name for name in dir(PlatformHal) if not name.startswith("_"))


Denied = Callable[[str, str], NoReturn]
"""Told the function's name and the legal ones when a partition calls what it was not granted."""


def granted(
    hal: PlatformHal, names: Collection[str], partition: str = "", on_denied: Denied | None = None
) -> PlatformHal:
    """The same HAL, of which only the functions in ``names`` work, and which holds nothing else of it.

    Any other call raises HalDenied, or whatever ``on_denied`` raises. Raises HalDenied at once for a name
    that is no HAL function.
    """
    if unknown := set(names) - HAL_FUNCTIONS:
        raise HalDenied(f"no HAL function {sorted(unknown)[0]!r}; legal: {', '.join(sorted(HAL_FUNCTIONS))}")
    limited = object.__new__(PlatformHal)
    legal = ", ".join(sorted(names)) or "none"
    for name in HAL_FUNCTIONS - set(names):
        # An attribute of the object hides the class's method, so the granted ones cost nothing extra.
        vars(limited)[name] = _denier(name, legal, partition or "the partition", on_denied)
    for name in names:
        vars(limited)[name] = getattr(hal, name)
    return limited


def _denier(name: str, legal: str, partition: str, on_denied: Denied | None) -> Callable[..., NoReturn]:
    def denied(*_: object, **__: object) -> NoReturn:
        if on_denied is not None:
            on_denied(name, legal)
        raise HalDenied(f"HAL function {name}: not granted to {partition}; granted: {legal}")

    return denied
