"""Provisioning of Arm's RSE: two encrypted bundles in RAM, a cold reset between the states of a chip's life.

TF-M docs/platform/arm/rse/rse_provisioning.rst, with the bundles of TF-M 2.0 and the keys of 2.1: virgin,
then CM and DM (chip and device manufacturer), then SE, at last RMA. A chip is for tests (TCI: the RTL key
reads as zero) or for production (PCI) for ever. The code in a bundle is opaque and is not run: the model of
the ROM burns the bundle's values itself, those that the OTP has a field for.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from functools import cached_property
from typing import Any, Final

from construct import Array, Bytes, Int32ul, Struct
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from ..interface.trace import Trace
from ..platform.lifecycle import LifecycleError, OtpLcs, check_step
from ..platform.otp import Otp, OtpError, OtpField
from ..platform.provisioning_stages import burn
from .bl1_kdf import derive_key
from .events import BootDecision
from .rse_keys import TpMode

CM_BUNDLE_MAGIC: Final = 0xC0DEFEED
DM_BUNDLE_MAGIC: Final = 0xBEEFFEED
OTP_DMA_ICS_SIZE: Final = 0x400
CM_BUNDLE_OFFSET: Final = OTP_DMA_ICS_SIZE
"""Of the CM bundle in VM0, behind the commands that the DMA runs from there; the DM bundle begins VM1."""
IV_SIZE: Final = 12
TAG_SIZE: Final = 16
RULE: Final = "tfm_plat_provisioning_perform"


class Sysctrl(IntEnum):
    """The low four bits of ``rse_sysctrl``: what the outside sees of the ROM's progress."""

    COLD_BOOT = 0x0
    VIRGIN_IDLE = 0x1
    CM_IDLE = 0x2
    RMA_IDLE = 0x3
    CM_STARTED = 0x4
    CM_AUTHENTICATION_FAILED = 0x5
    CM_OTHER_ERROR = 0x6
    CM_SUCCEEDED = 0x7
    DM_IDLE = 0x8
    DM_STARTED = 0x9
    DM_AUTHENTICATION_FAILED = 0xA
    DM_OTHER_ERROR = 0xB
    DM_SUCCEEDED = 0xC
    SE_BOOT = 0xD


class RomAction(Enum):
    """How one run of the ROM ends."""

    WAITS = "waits"
    """Idle, until somebody brings what it waits for; or stopped by an error."""
    COLD_RESET = "cold reset"
    BOOTS = "boots"


@dataclass(frozen=True, slots=True)
class RseSignalled(BootDecision):
    """The ROM set ``rse_sysctrl``."""

    code: Sysctrl


@dataclass(frozen=True)
class RseBundleLayout:
    """Both bundles of one build: ``magic | code values data (encrypted) | iv[12] | tag[16] | magic``."""

    bl1_2_code_size: int
    bl2_rotpk_size: int = 32
    images: int = 2
    code_size: int = 0x100
    data_size: int = 0

    @cached_property
    def cm(self) -> Struct:
        """``struct cm_provisioning_data``."""
        return Struct(
            "bl1_2_image_hash" / Bytes(32),
            "bl1_2_image" / Bytes(self.bl1_2_code_size),
            "dma_otp_ics" / Bytes(OTP_DMA_ICS_SIZE),
            "guk" / Bytes(32),
            "cca_system_properties" / Int32ul,
        )

    @cached_property
    def dm(self) -> Struct:
        """``struct dm_provisioning_data``."""
        return Struct(
            "bl1_rotpk_0" / Bytes(56),
            "bl2_encryption_key" / Bytes(32),
            "bl2_rotpk" / Array(self.images, Bytes(self.bl2_rotpk_size)),
            "s_image_encryption_key" / Bytes(32),
            "ns_image_encryption_key" / Bytes(32),
            "host_rotpk" / Array(3, Bytes(96)),
            "implementation_id" / Bytes(32),
            "verification_service_url" / Bytes(32),
            "profile_definition" / Bytes(32),
            "secure_debug_pk" / Bytes(32),
        )

    def size(self, values: Struct) -> int:
        """Bytes of a bundle with these values."""
        return 8 + self.code_size + int(values.sizeof()) + self.data_size + IV_SIZE + TAG_SIZE

    def seal(self, magic: int, values: Struct, fields: dict[str, Any], key: bytes, iv: bytes) -> bytes:
        """A bundle of these values: AES-CCM, the first magic authenticated beside what is encrypted."""
        head = magic.to_bytes(4, "little")
        plain = bytes(self.code_size) + values.build(fields) + bytes(self.data_size)
        sealed = AESCCM(key, TAG_SIZE).encrypt(iv, plain, head)
        return head + sealed[:-TAG_SIZE] + iv + sealed[-TAG_SIZE:] + head

    def open(self, bundle: bytes, values: Struct, key: bytes) -> Any | None:
        """The values of a bundle, None where it is not authentic."""
        end = len(bundle) - 4 - TAG_SIZE - IV_SIZE
        sealed, iv = bundle[4:end], bundle[end : end + IV_SIZE]
        tag = bundle[end + IV_SIZE : -4]
        try:
            plain = AESCCM(key, TAG_SIZE).decrypt(iv, sealed + tag, bundle[:4])
        except InvalidTag:
            return None
        return values.parse(plain[self.code_size :])


def provisioning_key(krtl: bytes, lcs: int, tp_mode: TpMode) -> bytes:
    """The key of a state's bundle (TF-M 2.1 derive_cm_and_dm_keys.py): the label names the state.

    The context is a boot state of which only the lifecycle and the TP mode are known.
    """
    label = {
        OtpLcs.ASSEMBLY_AND_TEST: b"CM_PROVISIONING\0",
        OtpLcs.PSA_ROT_PROVISIONING: b"DM_PROVISIONING\0",
    }
    state = int(lcs).to_bytes(4, "little") + int(tp_mode).to_bytes(4, "little") + bytes(36)
    return derive_key(krtl, label[OtpLcs(lcs)], hashlib.sha256(state).digest())


@dataclass(slots=True)
class RseChip:
    """A chip on the bench: OTP and TP mode last for ever, ``vm0`` and ``vm1`` until a cold reset.

    ``krtl`` is the RTL key of 32 bytes; ``trng`` makes the HUK in the chip itself. ``preloaded`` are bundles
    that a development system puts into VM0 and VM1 again after each cold reset.
    """

    otp: Otp
    layout: RseBundleLayout
    trng: Callable[[int], bytes] = field(repr=False)
    krtl: bytes = field(default=bytes(32), repr=False)
    tp_mode: TpMode = TpMode.VIRGIN
    vm0: bytes = b""
    vm1: bytes = b""
    preloaded: tuple[bytes, bytes] = (b"", b"")
    sysctrl: Sysctrl = Sysctrl.COLD_BOOT
    secure_provisioning: bool = False
    cold_resets: int = 0
    trace: Trace = field(default_factory=Trace, repr=False)

    @property
    def lcs(self) -> int:
        """The lifecycle as an OTP code: CM 0, DM 1, SE 3, RMA 7."""
        return int.from_bytes(self.otp.read(OtpField.LCS), "little")

    @property
    def rtl_key(self) -> bytes:
        """What the chip derives from: a test chip never shows the real one."""
        return bytes(32) if self.tp_mode is TpMode.TCI else self.krtl

    def set_tp_mode(self, mode: TpMode) -> None:
        """Make a virgin chip one for tests or for production. Raises LifecycleError for any other change."""
        if self.tp_mode is not TpMode.VIRGIN or mode is TpMode.VIRGIN:
            raise LifecycleError(
                f"RSE: TP mode {self.tp_mode.name} to {mode.name}; legal: VIRGIN to TCI or PCI, once"
            )
        self.tp_mode = mode

    def enter_rma(self) -> None:
        """A chip in service is returned: all its keys are lost. Raises LifecycleError from another state."""
        check_step(self.lcs, OtpLcs.DECOMMISSIONED)
        self.otp.write(OtpField.LCS, int(OtpLcs.DECOMMISSIONED).to_bytes(4, "little"))

    def cold_reset(self) -> None:
        """RAM is erased, secure provisioning is off; the LCM reads the lifecycle from OTP anew."""
        self.cold_resets += 1
        self.secure_provisioning = False
        self.sysctrl = Sysctrl.COLD_BOOT
        self.load(*self.preloaded)

    def load(self, cm_bundle: bytes = b"", dm_bundle: bytes = b"") -> None:
        """Put bundles where the ROM looks for them, as a debugger does; no bytes are an erased RAM."""
        self.vm0 = bytes(CM_BUNDLE_OFFSET) + cm_bundle if cm_bundle else b""
        self.vm1 = dm_bundle

    def signal(self, code: Sysctrl, text: str) -> None:
        self.sysctrl = code
        if self.trace.listeners:
            self.trace.emit(RseSignalled(None, RULE, f"rse_sysctrl {code:#x}: {text}", code))


def run_rom(chip: RseChip, *, dummy_provisioning: bool = True) -> RomAction:
    """One run of the ROM's provisioning.

    ``dummy_provisioning`` is TFM_DUMMY_PROVISIONING: a virgin chip makes itself one for tests.
    """
    if chip.tp_mode is TpMode.VIRGIN:
        chip.signal(Sysctrl.VIRGIN_IDLE, "virgin, ready for a TP mode")
        if not dummy_provisioning:
            return RomAction.WAITS
        chip.set_tp_mode(TpMode.TCI)
        return RomAction.COLD_RESET
    match chip.lcs:
        case OtpLcs.ASSEMBLY_AND_TEST:
            return _provision(chip, _CM)
        case OtpLcs.PSA_ROT_PROVISIONING:
            return _provision(chip, _DM)
        case OtpLcs.SECURED:
            chip.signal(Sysctrl.SE_BOOT, "SE, the ROM boots")
            return RomAction.BOOTS
        case _:
            chip.signal(Sysctrl.RMA_IDLE, "RMA, idle")
            return RomAction.WAITS


def run_until_idle(chip: RseChip, *, dummy_provisioning: bool = True) -> RomAction:
    """Run the ROM, cold-reset the chip where it asks for it, and so on until it waits or boots."""
    while (action := run_rom(chip, dummy_provisioning=dummy_provisioning)) is RomAction.COLD_RESET:
        chip.cold_reset()
    return action


@dataclass(frozen=True, slots=True)
class _State:
    """What the two provisioning states differ in."""

    name: str
    magic: int
    idle: Sysctrl
    started: Sysctrl
    not_authentic: Sysctrl
    other_error: Sysctrl
    succeeded: Sysctrl


_CM: Final = _State(
    "CM",
    CM_BUNDLE_MAGIC,
    Sysctrl.CM_IDLE,
    Sysctrl.CM_STARTED,
    Sysctrl.CM_AUTHENTICATION_FAILED,
    Sysctrl.CM_OTHER_ERROR,
    Sysctrl.CM_SUCCEEDED,
)
_DM: Final = _State(
    "DM",
    DM_BUNDLE_MAGIC,
    Sysctrl.DM_IDLE,
    Sysctrl.DM_STARTED,
    Sysctrl.DM_AUTHENTICATION_FAILED,
    Sysctrl.DM_OTHER_ERROR,
    Sysctrl.DM_SUCCEEDED,
)


def _provision(chip: RseChip, state: _State) -> RomAction:
    chip.signal(state.idle, f"{state.name}, waiting for its bundle")
    values = chip.layout.cm if state is _CM else chip.layout.dm
    place = chip.vm0[CM_BUNDLE_OFFSET:] if state is _CM else chip.vm1
    bundle = place[: chip.layout.size(values)]
    magic = state.magic.to_bytes(4, "little")
    # Both magics: the second one tells that the bundle was written to its end.
    if len(bundle) < chip.layout.size(values) or bundle[:4] != magic or bundle[-4:] != magic:
        return RomAction.WAITS
    chip.secure_provisioning = True  # a reset that keeps RAM, and locks the debugger out
    chip.signal(state.started, f"{state.name}, secure provisioning")
    key = provisioning_key(chip.rtl_key, chip.lcs, chip.tp_mode)
    fields = chip.layout.open(bundle, values, key)
    if fields is None:
        chip.signal(state.not_authentic, f"{state.name}, the bundle is not authentic")
        return RomAction.WAITS
    try:
        burn(chip.otp, _cm_values(chip, fields) if state is _CM else _dm_values(fields))
    except OtpError as error:
        chip.signal(state.other_error, f"{state.name}, {error}")
        return RomAction.WAITS
    chip.signal(state.succeeded, f"{state.name}, provisioned")
    return RomAction.COLD_RESET


def _cm_values(chip: RseChip, fields: Any) -> list[tuple[OtpField, bytes]]:
    return [
        (OtpField.GUK, fields.guk),
        (OtpField.BL1_2_IMAGE, fields.bl1_2_image),
        (OtpField.BL1_2_IMAGE_LEN, len(fields.bl1_2_image).to_bytes(4, "little")),
        (OtpField.BL1_2_IMAGE_HASH, fields.bl1_2_image_hash),
        # The chip makes its HUK itself: nobody ever knows it.
        (OtpField.HUK, chip.trng(32)),
        (OtpField.LCS, int(OtpLcs.PSA_ROT_PROVISIONING).to_bytes(4, "little")),
    ]


def _dm_values(fields: Any) -> list[tuple[OtpField, bytes]]:
    rotpks = ((OtpField(OtpField.BL2_ROTPK_0 + i), rotpk) for i, rotpk in enumerate(fields.bl2_rotpk))
    return [
        (OtpField.KEY_BL2_ENCRYPTION, fields.bl2_encryption_key),
        (OtpField.BL1_ROTPK_0, fields.bl1_rotpk_0),
        *rotpks,
        (OtpField.IMPLEMENTATION_ID, fields.implementation_id),
        (OtpField.VERIFICATION_SERVICE_URL, fields.verification_service_url),
        (OtpField.PROFILE_DEFINITION, fields.profile_definition),
        (OtpField.SECURE_DEBUG_PK, fields.secure_debug_pk),
        (OtpField.LCS, int(OtpLcs.SECURED).to_bytes(4, "little")),
    ]
