"""The data that a factory hands a device to burn: TF-M's packed structures, little endian, magic first.

Assembly and test has one structure for each boot stage that burns a part of it; here they lie one behind the
other, as one bundle: BL1's (bl1_1/lib/provisioning.c, on a board whose OTP holds BL1_2), BL2's
(bl2/src/provisioning.c) and the runtime firmware's (ext/common/provisioning.c). The PSA RoT bundle is the
runtime firmware's alone. TF-M links the last three into the stages themselves.
"""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from construct import Bytes, Int32ul, Struct

from .otp import BL1_ROTPKS, OtpField, OtpLayout
from .provisioning import MAX_ROTPKS, Provisioning, ProvisioningError, padded_bl1_2

ASSEMBLY_AND_TEST_PROV_DATA_MAGIC: Final = 0xC0DEFEED
PSA_ROT_PROV_DATA_MAGIC: Final = 0xBEEFFEED


@dataclass(frozen=True)
class BundleLayout:
    """The structures of one build.

    ``bl2_rotpks`` is 2, or MCUBOOT_IMAGE_NUMBER where that is more; ``iak_id`` is ATTEST_INCLUDE_COSE_KEY_ID.
    """

    otp: OtpLayout
    bl2_rotpks: int = 2
    iak_id: bool = False

    def __post_init__(self) -> None:
        if not 2 <= self.bl2_rotpks <= MAX_ROTPKS:
            raise ProvisioningError(
                f"provisioning bundle: {self.bl2_rotpks} BL2 ROTPKs; legal: 2 to {MAX_ROTPKS}"
            )

    @cached_property
    def bl1(self) -> Struct | None:
        """``struct bl1_assembly_and_test_provisioning_data_t``, with the length that Corstone-1000's has."""
        if not self.otp.bl1_2_code_size:
            return None
        return Struct(
            "magic" / Int32ul,
            "bl2_encryption_key" / Bytes(32),
            "guk" / Bytes(32),
            "bl1_2_image_hash" / Bytes(32),
            "bl1_2_image" / Bytes(self.otp.bl1_2_code_size),
            "bl1_2_image_len" / Int32ul,
            *(f"bl1_rotpk_{i}" / Bytes(self.otp.bl1_rotpk_size) for i in range(self.otp.bl1_signers)),
        )

    @cached_property
    def bl2(self) -> Struct:
        """``struct bl2_assembly_and_test_provisioning_data_t``."""
        rotpks = (f"bl2_rotpk_{i}" / Bytes(self.otp.rotpk_size) for i in range(self.bl2_rotpks))
        return Struct("magic" / Int32ul, *rotpks)

    @cached_property
    def tfm(self) -> Struct:
        """``struct tfm_assembly_and_test_provisioning_data_t``."""
        return Struct("magic" / Int32ul, "huk" / Bytes(32))

    @cached_property
    def psa_rot(self) -> Struct:
        """``struct tfm_psa_rot_provisioning_data_t``."""
        return Struct(
            "magic" / Int32ul,
            "iak" / Bytes(self.otp.iak_size),
            "iak_len" / Int32ul,
            "iak_type" / Int32ul,
            *(("iak_id" / Bytes(32),) if self.iak_id else ()),
            "boot_seed" / Bytes(32),
            "implementation_id" / Bytes(32),
            "cert_ref" / Bytes(32),
            "verification_service_url" / Bytes(32),
            "profile_definition" / Bytes(self.otp.fields[OtpField.PROFILE_DEFINITION][1]),
            "entropy_seed" / Bytes(64),
        )

    @property
    def bl2_offset(self) -> int:
        """Where BL2's part of the assembly-and-test bundle begins, in bytes."""
        return 0 if self.bl1 is None else int(self.bl1.sizeof())

    @property
    def tfm_offset(self) -> int:
        """Where the runtime firmware's part begins."""
        return self.bl2_offset + int(self.bl2.sizeof())

    @property
    def assembly_and_test_size(self) -> int:
        return self.tfm_offset + int(self.tfm.sizeof())

    @property
    def psa_rot_size(self) -> int:
        return int(self.psa_rot.sizeof())


@dataclass(frozen=True, slots=True)
class Bundles:
    """Both bundles of one device, as bytes."""

    assembly_and_test: bytes
    psa_rot: bytes


def make_bundles(values: Provisioning, layout: BundleLayout) -> Bundles:
    """The bundles that burn ``values``. Raises ProvisioningError for one that its field does not hold."""
    parts = b""
    if layout.bl1 is not None:
        parts += _build(layout.bl1, ASSEMBLY_AND_TEST_PROV_DATA_MAGIC, _bl1_values(values, layout))
    rotpks = {f"bl2_rotpk_{i}": values.rotpks[i : i + 1] for i in range(layout.bl2_rotpks)}
    parts += _build(
        layout.bl2,
        ASSEMBLY_AND_TEST_PROV_DATA_MAGIC,
        {name: b"".join(rotpk) for name, rotpk in rotpks.items()},
    )
    parts += _build(layout.tfm, ASSEMBLY_AND_TEST_PROV_DATA_MAGIC, {"huk": values.huk})
    return Bundles(parts, _build(layout.psa_rot, PSA_ROT_PROV_DATA_MAGIC, _psa_rot_values(values)))


def _bl1_values(values: Provisioning, layout: BundleLayout) -> dict[str, bytes | int]:
    image = padded_bl1_2(values.bl1_2_image, layout.otp.bl1_2_code_size)
    if len(values.bl1_rotpks) > layout.otp.bl1_signers:
        raise ProvisioningError(
            f"provisioning bundle: {len(values.bl1_rotpks)} BL1 ROTPKs; legal: {layout.otp.bl1_signers}"
        )
    rotpks = [*values.bl1_rotpks, *[b""] * len(BL1_ROTPKS)]
    return {
        "bl2_encryption_key": values.bl2_encryption_key,
        "guk": values.guk,
        "bl1_2_image_hash": hashlib.sha256(image).digest(),
        "bl1_2_image": image,
        "bl1_2_image_len": len(image),
        **{f"bl1_rotpk_{i}": rotpks[i] for i in range(layout.otp.bl1_signers)},
    }


def _psa_rot_values(values: Provisioning) -> dict[str, bytes | int]:
    return {
        "iak": values.iak,
        "iak_len": len(values.iak),
        "iak_type": int(values.iak_type),
        "iak_id": values.iak_id[:32],
        "boot_seed": values.boot_seed,
        "implementation_id": values.implementation_id,
        # C's string initialisers: a longer text is cut at the end of its array.
        "cert_ref": values.cert_ref[:32],
        "verification_service_url": values.verification_service_url[:32],
        "profile_definition": values.profile_definition[:32],
        "entropy_seed": values.entropy_seed,
    }


def _build(layout: Struct, magic: int, values: dict[str, Any]) -> bytes:
    fields: dict[str, Any] = {"magic": magic}
    for member in layout.subcons[1:]:
        value = values[member.name]
        if isinstance(value, bytes):
            size = member.sizeof()
            if len(value) > size:
                raise ProvisioningError(
                    f"provisioning bundle: {member.name} of {len(value)} bytes; legal: at most {size}"
                )
            value = value.ljust(size, b"\0")
        fields[member.name] = value
    built: bytes = layout.build(fields)
    return built
