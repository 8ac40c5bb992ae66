"""What a factory burns into a device: keys, identities and the lifecycle, and TF-M's dummy values.

A user's own values come from a YAML file; ``platform/provisioning_dummy.yaml`` shows every key.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from ..interface.errors import TfmSimError
from .iak_type import IakType
from .lifecycle import OtpLcs
from .otp import BL1_ROTPKS, Otp, OtpError, OtpField, OtpLayout
from .yaml_source import YamlValue, load_yaml, parse_yaml

_CURVES: Final = {
    32: ("P-256", 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551),
    48: (
        "P-384",
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
    ),
    66: (
        "P-521",
        int(
            "01fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa"
            "51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409",
            16,
        ),
    ),
}
"""By the bytes of a private key: its curve's name and order."""
HMAC_IAK_SIZES: Final = (32, 48, 64)
MAX_ROTPKS: Final = 4
BL1_ROTPK_SIZES: Final = (32, 48, 56, 65, 97)
DUMMY_FILE: Final = Path(__file__).parent / "provisioning_dummy.yaml"
"""TF-M's dummy values in the form that users write."""
DUMMY_IAK_PREFIXES: Final = (bytes.fromhex("a9b454b26d6f90a4"), bytes.fromhex("c74670bcb7e85b38"))
"""Of the key that TF-M ships since May 2019, and of the one before it."""
NOT_SECURE_NOTICE: Final = "This device was provisioned with dummy keys. This device is NOT SECURE"


class ProvisioningError(TfmSimError):
    """Provisioning data is wrong or does not fit the device's OTP."""


@dataclass(frozen=True, slots=True)
class Provisioning:
    """The values of one device. Empty bytes are not burnt.

    huk, boot_seed, implementation_id: 32 bytes each; iak: 32 bytes, on a board whose OTP has room for it also
    48 (P-384, HMAC), 66 (P-521) or 64 (HMAC); entropy_seed: 64; iak_id, cert_ref,
    verification_service_url and profile_definition: texts of up to 32 bytes, longer ones are cut there as
    TF-M's 32-byte fields do. ``rotpks`` are stored as they are and padded with zeros: the hash of a key, or
    the whole key as an uncompressed point, by the loader's key mode. ``lifecycle`` is burnt last.

    For BL1, on a board whose OTP has room for them: ``guk`` and ``bl2_encryption_key`` of 32 bytes, BL1_2's
    code (its hash and length follow from it), and the key of each signer of BL2.

    For a chip with an ESP32's eFuses, which its maker burns at the wafer: ``efuse_mac`` of 6 bytes,
    ``efuse_chip_revision`` as major * 100 + minor, ``efuse_optional_unique_id`` of 16 bytes.
    """

    huk: bytes = field(default=b"", repr=False)
    iak: bytes = field(default=b"", repr=False)
    iak_type: int = IakType.SECP_R1
    iak_id: bytes = b""
    boot_seed: bytes = b""
    implementation_id: bytes = b""
    cert_ref: bytes = b""
    verification_service_url: bytes = b""
    profile_definition: bytes = b""
    rotpks: tuple[bytes, ...] = ()
    entropy_seed: bytes = field(default=b"", repr=False)
    guk: bytes = field(default=b"", repr=False)
    bl2_encryption_key: bytes = field(default=b"", repr=False)
    bl1_2_image: bytes = field(default=b"", repr=False)
    bl1_rotpks: tuple[bytes, ...] = ()
    efuse_mac: bytes = b""
    efuse_chip_revision: int = 0
    efuse_optional_unique_id: bytes = b""
    lifecycle: int = OtpLcs.SECURED

    @property
    def is_dummy(self) -> bool:
        """TF-M tfm_plat_provisioning_check_for_dummy_keys: by the first 8 bytes of the IAK."""
        return self.iak[:8] in DUMMY_IAK_PREFIXES


def dummy_notice(otp: Otp) -> str | None:
    """The warning for a device with dummy keys, None for another. TF-M looks only at the IAK in OTP."""
    return NOT_SECURE_NOTICE if otp.read(OtpField.IAK, 8) in DUMMY_IAK_PREFIXES else None


# The public keys of MCUboot's development images, as TF-M's dummy provisioning burns them for image 0 and 1:
# hashes by signature type, and whole P-256 points for builtin keys.
DUMMY_ROTPKS: Final[Mapping[str, tuple[bytes, ...]]] = {
    "RSA-2048": (
        bytes.fromhex("fc5701dc6135e1323847bdc40f04d2e5bee5833b23c29f93593d00018cfa9994"),
        bytes.fromhex("e18015993d6d2760b499274baef264b83af229e9a785f3d5bf00b9d32c1f0396"),
    ),
    "RSA-3072": (
        bytes.fromhex("bfe6d86f8826f4ff97fb96c4e6fbc4993e4619fc565da26adf34c329489adc38"),
        bytes.fromhex("b360caf5c98c6b942a4882fa9d4823efb166a9ef6a6e4aa37c1919ed1fccc049"),
    ),
    "EC-P256": (
        bytes.fromhex("e30466f6b8470c1f29070b17f1e2d3e94d445e3f608087fdc711e4382bb538b6"),
        bytes.fromhex("82a5b443594853d4bf0fdd89a914a5dc16f867548207d7077e74d80c063efda9"),
    ),
    "EC-P384": (
        bytes.fromhex(
            "85b7bd5f5dff9a03a99927adaf6ca6febde822c1a480928324a8e60323715c5779461c496a95aee8c4f90b99779f848a"
        ),
        bytes.fromhex(
            "ae13b71dae49a7b89d4d8ee5095cb8d45a32bd9c7d501cd3b8f86cbc8b41439b1b225cc36a5ba8081df071e0cbbc6192"
        ),
    ),
    "EC-P256 builtin": (
        bytes.fromhex(
            "042acb403ce8feed5ba44995a1a91daee8dbbe1937cd14fb2f245737e5953988d9"
            "94b9d65aebd7cdd5308ad6fe48b24a6a810ee5f07d8b6834cc3a6afc538efac1"
        ),
        bytes.fromhex(
            "04e80908123a0fad40e0338aa654f88395418e4499a20fae85692bf926b5e99e16"
            "2c8776627f326c9b707806525252ca2bd2b7c75007663b3bdfe1996900262c33"
        ),
    ),
}

DUMMY: Final = Provisioning(
    huk=bytes(range(16)) * 2,
    iak=bytes.fromhex("a9b454b26d6f90a4ea31193564cba91fec6f9a002a7dc0504b92a1937134585f"),
    iak_type=IakType.SECP_R1,
    boot_seed=bytes(range(0xA0, 0xC0)),
    implementation_id=b"\xaa" * 8 + b"\xbb" * 8 + b"\xcc" * 8 + b"\xdd" * 8,
    cert_ref=b"0604565272829-10010",
    verification_service_url=b"www.trustedfirmware.org",
    profile_definition=b"PSA_IOT_PROFILE_1",
    rotpks=DUMMY_ROTPKS["RSA-3072"],
    entropy_seed=bytes.fromhex(
        "121323340a058978a3668c0d975553cab576186229c6b67975c85a8d9e118f85"
        "dec45f662152f939d9779328b05e02fa58b416c80f3891bb2817cd8ac9537266"
    ),
    guk=bytes(range(32)),
    bl2_encryption_key=bytes.fromhex("0123456789" * 6 + "0123"),
    bl1_2_image=bytes.fromhex("0080013841800038") + b"tfm-sim: BL1_2 stands here; its code is not run.",
    # Type LMS_SHA256_M32_H10, one-time type LMOTS_SHA256_N32_W8, identifier, root of the tree.
    bl1_rotpks=(
        bytes.fromhex(
            "0000000600000004b6b444cb92584ee081b678f39a0dd74e"
            "0cfd7e450176dd0cb654c9bbbf632b14b2ee008963e043afebe8ac6c1d605ebc"
        ),
    ),
    lifecycle=OtpLcs.SECURED,
)
DUMMY_2019: Final = replace(
    DUMMY,
    iak=bytes.fromhex("c74670bcb7e85b3803efb428940492e73e3fe9d4f7b5a8ad5e480cbdbcb554c2"),
    cert_ref=b"060456527282910010",
    profile_definition=b"psa-tfm-profile-1.md",
)
"""What TF-M shipped until May 2019, in this OTP: another key, and a hardware version without a dash."""
DUMMY_ESP32C6: Final = replace(
    DUMMY,
    efuse_mac=bytes.fromhex("02e5c6000001"),
    efuse_chip_revision=1,
    efuse_optional_unique_id=bytes.fromhex("e5c6e5c6") * 4,
)
"""The same for an ESP32-C6 of revision v0.1, with a MAC that is locally administered. NOT SECURE."""
VIRGIN: Final = Provisioning(lifecycle=OtpLcs.ASSEMBLY_AND_TEST)
"""A device as it comes from the wafer: nothing is burnt."""
# Builds with ATTEST_INCLUDE_COSE_KEY_ID burn this as IAK_ID too.
DUMMY_IAK_ID: Final = b"kid@trustedfirmware.example"


def provision(otp: Otp, values: Provisioning) -> None:
    """Burn ``values`` into a blank OTP, field by field in TF-M's order, the lifecycle after each stage.

    TF-M provision_assembly_and_test, then provision_psa_rot. Raises ProvisioningError where a value does not
    fit its field or a bit would fall.
    """
    try:
        _provision_efuse(otp, values)
        _provision_bl1(otp, values)
        _write(otp, OtpField.HUK, values.huk)
        for index, rotpk in enumerate(values.rotpks[:MAX_ROTPKS]):
            rotpk_field = OtpField(OtpField.BL2_ROTPK_0 + index)
            _write(otp, rotpk_field, rotpk.ljust(otp.size_of(rotpk_field), b"\0"))
        if values.lifecycle & OtpLcs.PSA_ROT_PROVISIONING:
            _write_lcs(otp, OtpLcs.PSA_ROT_PROVISIONING)
        _provision_psa_rot(otp, values)
        if values.lifecycle > OtpLcs.PSA_ROT_PROVISIONING:
            _write_lcs(otp, values.lifecycle)
    except OtpError as error:
        raise ProvisioningError(f"provisioning: {error}") from error


def _provision_efuse(otp: Otp, values: Provisioning) -> None:
    """A chip without such eFuses has nothing to burn, whatever the values say."""
    if not otp.layout.esp_efuse:
        return
    _write(otp, OtpField.EFUSE_MAC, values.efuse_mac)
    _write(otp, OtpField.EFUSE_CHIP_REVISION, values.efuse_chip_revision.to_bytes(2, "little"))
    _write(otp, OtpField.EFUSE_OPTIONAL_UNIQUE_ID, values.efuse_optional_unique_id)


def _provision_bl1(otp: Otp, values: Provisioning) -> None:
    """TF-M bl1_1/lib/provisioning.c: a field that this OTP does not have is left out in silence."""
    if not otp.layout.bl1_2_code_size:
        return
    _write(otp, OtpField.KEY_BL2_ENCRYPTION, values.bl2_encryption_key)
    _write(otp, OtpField.GUK, values.guk)
    if values.bl1_2_image:
        image = padded_bl1_2(values.bl1_2_image, otp.layout.bl1_2_code_size)
        _write(otp, OtpField.BL1_2_IMAGE_HASH, hashlib.sha256(image).digest())
        _write(otp, OtpField.BL1_2_IMAGE, image)
        _write(otp, OtpField.BL1_2_IMAGE_LEN, len(image).to_bytes(4, "little"))
    if len(values.bl1_rotpks) > otp.layout.bl1_signers:
        raise ProvisioningError(
            f"provisioning: {len(values.bl1_rotpks)} BL1 ROTPKs; "
            f"legal: {otp.layout.bl1_signers} on this board"
        )
    for otp_field, rotpk in zip(BL1_ROTPKS, values.bl1_rotpks, strict=False):
        _write(otp, otp_field, rotpk)


def padded_bl1_2(code: bytes, size: int) -> bytes:
    """BL1_2 as OTP holds it: zeros up to BL1_2_CODE_SIZE. Raises ProvisioningError for a longer one."""
    if len(code) > size:
        raise ProvisioningError(
            f"provisioning: BL1_2 of {len(code)} bytes; legal: at most {size} on this board"
        )
    return code.ljust(size, b"\0")


def _provision_psa_rot(otp: Otp, values: Provisioning) -> None:
    if values.iak:
        _write(otp, OtpField.IAK, values.iak)
        _write(otp, OtpField.IAK_LEN, len(values.iak).to_bytes(4, "little"))
        _write(otp, OtpField.IAK_TYPE, int(values.iak_type).to_bytes(4, "little"))
    _write(otp, OtpField.IAK_ID, _text_field(values.iak_id))
    _write(otp, OtpField.BOOT_SEED, values.boot_seed)
    _write(otp, OtpField.IMPLEMENTATION_ID, values.implementation_id)
    _write(otp, OtpField.CERT_REF, _text_field(values.cert_ref))
    _write(otp, OtpField.VERIFICATION_SERVICE_URL, _text_field(values.verification_service_url))
    _write(otp, OtpField.PROFILE_DEFINITION, _text_field(values.profile_definition))
    _write(otp, OtpField.ENTROPY_SEED, values.entropy_seed)


def _text_field(text: bytes) -> bytes:
    """TF-M's texts are 32-byte arrays: a longer one (the newer profile strings) is cut without a NUL."""
    return text[:32].ljust(32, b"\0") if text else b""


def _write(otp: Otp, otp_field: OtpField, data: bytes) -> None:
    if data:
        otp.write(otp_field, data)


def _write_lcs(otp: Otp, code: int) -> None:
    otp.write(OtpField.LCS, int(code).to_bytes(4, "little"))


def provisioned_otp(values: Provisioning, layout: OtpLayout | None = None, area_size: int = 0x1000) -> Otp:
    """A new OTP with ``values`` burnt in. Raises ProvisioningError as ``provision`` does."""
    otp = Otp(layout or OtpLayout(), area_size)
    provision(otp, values)
    return otp


_REQUIRED: Final = ("lifecycle", "huk", "iak", "iak_type", "boot_seed", "implementation_id", "entropy_seed")
_OPTIONAL: Final = (
    "iak_id",
    "cert_ref",
    "verification_service_url",
    "profile_definition",
    "rotpks",
    "guk",
    "bl2_encryption_key",
    "bl1_2_image",
    "bl1_rotpks",
    "efuse_mac",
    "efuse_chip_revision",
    "efuse_optional_unique_id",
)
_UNFINISHED: Final = (OtpLcs.ASSEMBLY_AND_TEST, OtpLcs.PSA_ROT_PROVISIONING)


def load_provisioning(path: str | Path) -> Provisioning:
    """Provisioning values from a YAML file. Raises ProvisioningError as ``parse_provisioning`` does."""
    return _provisioning(load_yaml(Path(path), ProvisioningError))


def parse_provisioning(raw: bytes, name: str) -> Provisioning:
    """Provisioning values from the YAML in ``raw``; ``name`` stands for the file in messages.

    A device that has not left the factory (ASSEMBLY_AND_TEST, PSA_ROT_PROVISIONING) may lack any of them; a
    finished one needs its keys and identities. Raises ProvisioningError with FILE:LINE, and nothing else.
    """
    return _provisioning(parse_yaml(raw, name, ProvisioningError))


def _provisioning(document: YamlValue) -> Provisioning:
    entries = document.mapping(("lifecycle",), (*_REQUIRED[1:], *_OPTIONAL))
    lifecycle = entries["lifecycle"].enum(OtpLcs)
    if lifecycle not in _UNFINISHED:
        document.mapping(_REQUIRED)
    iak_type = entries["iak_type"].enum(IakType) if "iak_type" in entries else IakType.SECP_R1
    return Provisioning(
        huk=_bytes(entries, "huk", 32),
        iak=_iak(entries, iak_type),
        iak_type=iak_type,
        iak_id=_text(entries, "iak_id"),
        boot_seed=_bytes(entries, "boot_seed", 32),
        implementation_id=_bytes(entries, "implementation_id", 32),
        cert_ref=_text(entries, "cert_ref"),
        verification_service_url=_text(entries, "verification_service_url"),
        profile_definition=_text(entries, "profile_definition"),
        rotpks=_rotpks(entries.get("rotpks")),
        entropy_seed=_bytes(entries, "entropy_seed", 64),
        guk=_bytes(entries, "guk", 32),
        bl2_encryption_key=_bytes(entries, "bl2_encryption_key", 32),
        bl1_2_image=entries["bl1_2_image"].hex_bytes() if "bl1_2_image" in entries else b"",
        bl1_rotpks=_bl1_rotpks(entries.get("bl1_rotpks")),
        efuse_mac=_bytes(entries, "efuse_mac", 6),
        efuse_chip_revision=(
            entries["efuse_chip_revision"].integer(0, 0xFFFF) if "efuse_chip_revision" in entries else 0
        ),
        efuse_optional_unique_id=_bytes(entries, "efuse_optional_unique_id", 16),
        lifecycle=lifecycle,
    )


def _bytes(entries: dict[str, YamlValue], key: str, length: int) -> bytes:
    return entries[key].hex_bytes(length) if key in entries else b""


def _text(entries: dict[str, YamlValue], key: str) -> bytes:
    if key not in entries:
        return b""
    value = entries[key]
    text = value.scalar_text("text of 1 to 32 bytes").encode()
    if not 1 <= len(text) <= 32 or b"\0" in text:
        raise value.error("not a text for a 32-byte field", value.describe(), "1 to 32 bytes, no NUL")
    return text


def _iak(entries: dict[str, YamlValue], iak_type: IakType) -> bytes:
    if "iak" not in entries:
        return b""
    key = entries["iak"].hex_bytes()
    sizes = tuple(_CURVES) if iak_type is IakType.SECP_R1 else HMAC_IAK_SIZES
    if len(key) not in sizes:
        legal = f"{', '.join(map(str, sizes))} for {iak_type.name}"
        raise entries["iak"].error("wrong length", f"{len(key)} bytes", legal)
    if iak_type is IakType.SECP_R1:
        name, order = _CURVES[len(key)]
        if not 1 <= int.from_bytes(key, "big") < order:
            legal = "1 up to the order of the curve less 1"
            raise entries["iak"].error(f"not a {name} private key", None, legal)
    return key


def _rotpks(value: YamlValue | None) -> tuple[bytes, ...]:
    if value is None:
        return ()
    rotpks = []
    for item in value.sequence(0, MAX_ROTPKS):
        rotpk = item.hex_bytes()
        if len(rotpk) not in (32, 48, 65, 97):
            raise item.error(
                "not a ROTPK",
                f"{len(rotpk)} bytes",
                "32 (SHA-256), 48 (SHA-384), 65 or 97 (uncompressed P-256, P-384 point)",
            )
        rotpks.append(rotpk)
    return tuple(rotpks)


def _bl1_rotpks(value: YamlValue | None) -> tuple[bytes, ...]:
    if value is None:
        return ()
    rotpks = []
    for item in value.sequence(0, len(BL1_ROTPKS)):
        rotpk = item.hex_bytes()
        if len(rotpk) not in BL1_ROTPK_SIZES:
            legal = "56 (LMS key), 32 (SHA-256), 48 (SHA-384), 65 or 97 (uncompressed P-256, P-384 point)"
            raise item.error("not a BL1 ROTPK", f"{len(rotpk)} bytes", legal)
        rotpks.append(rotpk)
    return tuple(rotpks)
