"""Provisioning as the boot stages do it: each burns its part of the bundles, by the lifecycle in OTP.

BL1_1 and BL2 burn theirs in assembly and test and leave the lifecycle as it is; the runtime firmware burns
the HUK, goes on to PSA RoT provisioning, and runs straight through that to SECURED. All may be run again:
what is burnt already is burnt once more, and bits only rise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from construct import Struct

from .lifecycle import OtpLcs, provisioning_required
from .otp import BL1_ROTPKS, Otp, OtpError, OtpField
from .plat_err import PlatError, TfmPlatErr
from .provisioning_bundle import ASSEMBLY_AND_TEST_PROV_DATA_MAGIC, PSA_ROT_PROV_DATA_MAGIC, BundleLayout


class BundleError(PlatError):
    """A bundle that a stage needs is not there: INVALID_INPUT, and the boot stops."""

    def __init__(self, name: str, found: str, wanted: str) -> None:
        super().__init__(
            TfmPlatErr.INVALID_INPUT, f"No valid {name} provisioning data found: found {found}; {wanted}"
        )
        self.found = found
        self.wanted = wanted


@dataclass(frozen=True, slots=True)
class BundleSource:
    """Where the bundles are: the bytes of both places, whatever lies there, and the layout of the build."""

    assembly_and_test: bytes
    psa_rot: bytes
    layout: BundleLayout


@dataclass(frozen=True, slots=True)
class Provisioned:
    """What a stage burnt: OTP codes of the lifecycle before and after, and the fields in their order."""

    before: int
    after: int
    fields: tuple[OtpField, ...]


def lifecycle_in(otp: Otp) -> int:
    """The OTP code of the lifecycle."""
    return int.from_bytes(otp.read(OtpField.LCS), "little")


def is_required(otp: Otp) -> bool:
    """TF-M tfm_plat_provisioning_is_required."""
    return provisioning_required(lifecycle_in(otp))


def provision_in_bl1_1(otp: Otp, source: BundleSource) -> Provisioned:
    """TF-M bl1_1 tfm_plat_provisioning_perform: what BL1 needs, in assembly and test only.

    Raises BundleError for a wrong magic, OtpError where a bit would fall.
    """
    before = lifecycle_in(otp)
    if before != OtpLcs.ASSEMBLY_AND_TEST or source.layout.bl1 is None:
        return Provisioned(before, before, ())
    data = _data(source.assembly_and_test, 0, source.layout.bl1, _ASSEMBLY_AND_TEST)
    rotpks = BL1_ROTPKS[: source.layout.otp.bl1_signers]
    values = [
        (OtpField.KEY_BL2_ENCRYPTION, data.bl2_encryption_key),
        (OtpField.GUK, data.guk),
        (OtpField.BL1_2_IMAGE_HASH, data.bl1_2_image_hash),
        (OtpField.BL1_2_IMAGE, data.bl1_2_image),
        (OtpField.BL1_2_IMAGE_LEN, _u32(data.bl1_2_image_len)),
        *((rotpk, data[f"bl1_rotpk_{i}"]) for i, rotpk in enumerate(rotpks)),
    ]
    return Provisioned(before, before, burn(otp, values))


def provision_in_bl2(otp: Otp, source: BundleSource) -> Provisioned:
    """TF-M bl2 tfm_plat_provisioning_perform: the ROTPKs of its images, in assembly and test only.

    Raises as provision_in_bl1_1 does.
    """
    before = lifecycle_in(otp)
    if before != OtpLcs.ASSEMBLY_AND_TEST:
        return Provisioned(before, before, ())
    layout = source.layout
    data = _data(source.assembly_and_test, layout.bl2_offset, layout.bl2, _ASSEMBLY_AND_TEST)
    rotpks = (OtpField(OtpField.BL2_ROTPK_0 + i) for i in range(layout.bl2_rotpks))
    values = [(rotpk, data[f"bl2_rotpk_{i}"]) for i, rotpk in enumerate(rotpks)]
    return Provisioned(before, before, burn(otp, values))


def provision_in_firmware(otp: Otp, source: BundleSource) -> Provisioned:
    """TF-M tfm_plat_provisioning_perform: both states, one after the other, until SECURED.

    Raises as provision_in_bl1_1 does; what was burnt by then stays.
    """
    before = lifecycle_in(otp)
    fields: list[OtpField] = []
    layout = source.layout
    if before == OtpLcs.ASSEMBLY_AND_TEST:
        data = _data(source.assembly_and_test, layout.tfm_offset, layout.tfm, _ASSEMBLY_AND_TEST)
        values = [(OtpField.HUK, data.huk), (OtpField.LCS, _u32(OtpLcs.PSA_ROT_PROVISIONING))]
        fields += burn(otp, values)
    if lifecycle_in(otp) == OtpLcs.PSA_ROT_PROVISIONING:
        data = _data(source.psa_rot, 0, layout.psa_rot, _PSA_ROT)
        fields += burn(otp, _psa_rot_values(data))
    return Provisioned(before, lifecycle_in(otp), tuple(fields))


def _psa_rot_values(data: Any) -> list[tuple[OtpField, bytes]]:
    return [
        (OtpField.IAK, data.iak),
        (OtpField.IAK_LEN, _u32(data.iak_len)),
        (OtpField.IAK_TYPE, _u32(data.iak_type)),
        *([(OtpField.IAK_ID, data.iak_id)] if "iak_id" in data else []),
        (OtpField.BOOT_SEED, data.boot_seed),
        (OtpField.IMPLEMENTATION_ID, data.implementation_id),
        (OtpField.CERT_REF, data.cert_ref),
        (OtpField.VERIFICATION_SERVICE_URL, data.verification_service_url),
        (OtpField.PROFILE_DEFINITION, data.profile_definition),
        (OtpField.ENTROPY_SEED, data.entropy_seed),
        (OtpField.LCS, _u32(OtpLcs.SECURED)),
    ]


_ASSEMBLY_AND_TEST: Final = ("ASSEMBLY_AND_TEST", ASSEMBLY_AND_TEST_PROV_DATA_MAGIC)
_PSA_ROT: Final = ("PSA_ROT", PSA_ROT_PROV_DATA_MAGIC)


def _data(raw: bytes, offset: int, layout: Struct, kind: tuple[str, int]) -> Any:
    """One structure out of a bundle. Raises BundleError for a wrong magic and for too few bytes."""
    name, magic = kind
    size = int(layout.sizeof())
    if len(raw) < offset + size:
        wanted = f"wanted {size} from offset {offset:#x} on"
        raise BundleError(name, f"{max(len(raw) - offset, 0)} bytes", wanted)
    data = layout.parse(raw[offset : offset + size])
    if data.magic != magic:
        raise BundleError(name, f"magic {data.magic:#010x} at offset {offset:#x}", f"wanted {magic:#010x}")
    return data


def burn(otp: Otp, values: Sequence[tuple[OtpField, bytes]]) -> tuple[OtpField, ...]:
    """Burn values in their order; the fields that were burnt.

    TF-M: a field that the board's OTP does not have is no error. Raises OtpError for all else, such as a bit
    that would fall; what was burnt by then stays.
    """
    burnt = []
    for otp_field, value in values:
        try:
            otp.write(otp_field, value)
        except OtpError as error:
            if error.reason is not TfmPlatErr.UNSUPPORTED:
                raise
        else:
            burnt.append(otp_field)
    return tuple(burnt)


def _u32(value: int) -> bytes:
    return int(value).to_bytes(4, "little")
