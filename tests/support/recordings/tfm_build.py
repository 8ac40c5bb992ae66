"""What a recorded TF-M was built with, as the configuration of the model."""

import fnmatch
import re
from dataclasses import dataclass, replace
from functools import cached_property

from support.recordings.case import Recorded

from tfm_sim.bootloader.config import Bl2Config, KeyMode, SignatureType
from tfm_sim.interface.psa.initial_attestation import PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE, ClientLibrary
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.partitions.initial_attestation.profiles import select_profile
from tfm_sim.partitions.measured_boot.config import MeasuredBootConfig, MeasurementHash
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.otp import OtpLayout
from tfm_sim.platform.provisioning import DUMMY, DUMMY_IAK_ID, DUMMY_ROTPKS, Provisioning
from tfm_sim.spm.config import Backend, SpmConfig

PROFILE_MACROS = {
    "ATTEST_TOKEN_PROFILE_PSA_IOT_1": (TokenVariant.PSA_IOT_PROFILE_1_2022, TokenVariant.PSA_IOT_PROFILE_1),
    "ATTEST_TOKEN_PROFILE_PSA_2_0_0": (TokenVariant.PSA_2_0_0, TokenVariant.RFC_9783),
    "ATTEST_TOKEN_PROFILE_ARM_CCA": (TokenVariant.CCA_1_0_0, TokenVariant.CCA_2023),
}
"""What each means up to TF-M 2.1, and from 2.2 on."""
DEFAULT_PROFILE = "ATTEST_TOKEN_PROFILE_PSA_IOT_1"
_NO_CLAIMS = {"ATTEST_INCLUDE_OPTIONAL_CLAIMS": "0", "ATTEST_INCLUDE_COSE_KEY_ID": "0"}
PROFILES = {
    "profile_small": {
        "CONFIG_TFM_SPM_BACKEND": "SFN",
        "SYMMETRIC_INITIAL_ATTESTATION": "ON",
        "PSA_FRAMEWORK_HAS_MM_IOVEC": "ON",
        "MCUBOOT_IMAGE_NUMBER": "1",
        **_NO_CLAIMS,
    },
    "profile_medium": {"TFM_ISOLATION_LEVEL": "2", **_NO_CLAIMS},
    "profile_medium_arotless": {
        "CONFIG_TFM_SPM_BACKEND": "SFN",
        "TFM_PARTITION_FIRMWARE_UPDATE": "ON",
        **_NO_CLAIMS,
    },
    "profile_large": {"TFM_ISOLATION_LEVEL": "3"},
}
"""What TFM_PROFILE says of attestation where the recorded options do not."""


def is_before_2_2(version: str) -> bool:
    """Whether a release such as 2.1.6 is older than 2.2, where the token changed."""
    return tuple(int(part) for part in version.split(".")[:2]) < (2, 2)


def is_on(value: str | None) -> bool:
    """CMake's and the preprocessor's ways to say yes."""
    return _bare(value or "").upper() in {"ON", "1", "TRUE", "YES", "Y"}


def number(value: str | None, default: int) -> int:
    """A number as C and CMake write it; with or without parentheses and a suffix."""
    text = _bare(value or "")
    return int(text, 0) if text else default


def _bare(value: str) -> str:
    text = value.strip().strip("()").strip()
    return re.sub(r"(?i)(?<=[0-9a-f])(ul|lu|u|l)$", "", text) if re.match(r"\d", text) else text


@dataclass(frozen=True)
class TfmBuild:
    """The options of one variant: CMake's, and the macros of its project configuration header."""

    options: dict[str, str]
    macros: dict[str, str]
    version: str

    @classmethod
    def of(cls, name: str, variant: Recorded, versions: Recorded) -> "TfmBuild":
        """``versions`` is the recording's own table of what was built, which may single out variants."""
        header: str = variant.get("project_config_header") or ""
        macros = dict(re.findall(r"^\s*#\s*define\s+(\w+)[ \t]+(\S+)", header, re.MULTILINE))
        recorded = {key: str(value) for key, value in variant["build_options"].items()}
        options = PROFILES.get(recorded.get("TFM_PROFILE", ""), {}) | recorded
        return cls(options, macros, _version(name, variant, versions))

    def option(self, name: str) -> str | None:
        """A macro of the header, else a CMake option."""
        return self.macros.get(name, self.options.get(name))

    @property
    def has_bl2(self) -> bool:
        return is_on(self.options.get("BL2", "ON"))

    @property
    def has_fwu(self) -> bool:
        return is_on(self.options.get("TFM_PARTITION_FIRMWARE_UPDATE"))

    @property
    def has_mm_iovec(self) -> bool:
        return is_on(self.option("PSA_FRAMEWORK_HAS_MM_IOVEC"))

    @property
    def backend(self) -> Backend:
        return Backend(self.options.get("CONFIG_TFM_SPM_BACKEND", "IPC"))

    @property
    def stores_encoded_measurements(self) -> bool:
        return is_on(self.options.get("CONFIG_TFM_BOOT_STORE_ENCODED_MEASUREMENTS", "ON"))

    @property
    def measured_boot(self) -> MeasuredBootConfig | None:
        """As the real one is, slips included."""
        if not is_on(self.options.get("TFM_PARTITION_MEASURED_BOOT")):
            return None
        return MeasuredBootConfig(
            hash=MeasurementHash(self.options.get("MEASURED_BOOT_HASH_ALG", "SHA256")),
            store_measurements=is_on(self.options.get("CONFIG_TFM_BOOT_STORE_MEASUREMENTS", "ON")),
            version_digits_reversed=True,
        )

    @property
    def symmetric(self) -> bool:
        return is_on(self.option("SYMMETRIC_INITIAL_ATTESTATION"))

    @property
    def image_number(self) -> int:
        return number(self.options.get("MCUBOOT_IMAGE_NUMBER"), 2)

    @property
    def before_2_2(self) -> bool:
        return is_before_2_2(self.version)

    @property
    def library(self) -> ClientLibrary:
        return ClientLibrary.TFM_2_1 if self.before_2_2 else ClientLibrary.TFM_2_2

    @cached_property
    def bl2(self) -> Bl2Config:
        builtin = is_on(self.options.get("MCUBOOT_BUILTIN_KEY"))
        return Bl2Config(
            signature_type=SignatureType(self.options.get("MCUBOOT_SIGNATURE_TYPE", "RSA-3072")),
            key_mode=KeyMode.BUILTIN_KEY if builtin else KeyMode.HW_KEY,
            image_number=self.image_number,
            fwu_boot_data=self.has_fwu,
            measured_boot=is_on(self.options.get("CONFIG_TFM_BOOT_STORE_MEASUREMENTS", "ON")),
            store_encoded_measurements=self.stores_encoded_measurements,
        )

    @cached_property
    def attestation(self) -> AttestationConfig:
        profiles = [macro for macro in PROFILE_MACROS if is_on(self.option(macro))] or [DEFAULT_PROFILE]
        old, new = PROFILE_MACROS[profiles[0]]
        return AttestationConfig(
            variant=old if self.before_2_2 else new,
            optional_claims=is_on(self.option("ATTEST_INCLUDE_OPTIONAL_CLAIMS") or "1"),
            cose_key_id=self.has_cose_key_id,
            symmetric=self.symmetric,
            max_token_size=self.max_token_size,
            mm_iovec=self.has_mm_iovec,
            include_test_code=is_on(self.option("ATTEST_INCLUDE_TEST_CODE")),
            tfm_2_2_signature_room_slip=not self.before_2_2,
        )

    @property
    def max_token_size(self) -> int:
        """The service's token buffer, and the one that the bench offers."""
        return number(self.option("PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE"), PSA_INITIAL_ATTEST_MAX_TOKEN_SIZE)

    @property
    def has_cose_key_id(self) -> bool:
        return is_on(self.option("ATTEST_INCLUDE_COSE_KEY_ID"))

    @cached_property
    def spm(self) -> SpmConfig:
        pool = number(self.option("CONFIG_TFM_CONN_HANDLE_MAX_NUM"), 8)
        level = number(self.options.get("TFM_ISOLATION_LEVEL"), 1)
        return SpmConfig(level, pool, self.backend)

    @cached_property
    def provisioning(self) -> Provisioning:
        """TF-M's dummy values as this build burns them."""
        kind = self.bl2.signature_type.value
        builtin = self.bl2.key_mode is KeyMode.BUILTIN_KEY
        return replace(
            DUMMY,
            rotpks=DUMMY_ROTPKS[f"{kind} builtin" if builtin and f"{kind} builtin" in DUMMY_ROTPKS else kind],
            iak_type=IakType.HMAC if self.symmetric else IakType.SECP_R1,
            iak_id=DUMMY_IAK_ID if self.has_cose_key_id else b"",
            profile_definition=select_profile(self.attestation).definition,
        )

    @property
    def otp_layout(self) -> OtpLayout:
        """TF-M BL2_ROTPK_SIZE: a digest of the key, or the whole key, up to a multiple of 4."""
        p384 = self.bl2.signature_type is SignatureType.EC_P384
        if self.bl2.key_mode is KeyMode.BUILTIN_KEY:
            return OtpLayout(rotpk_size=100 if p384 else 68)
        return OtpLayout(rotpk_size=48 if p384 else 32)


def _version(name: str, variant: Recorded, versions: Recorded) -> str:
    """The TF-M release: the variant's description says it, or the table of versions does."""
    stated = re.search(r"TF-Mv(\d+\.\d+\.\d+)", str(variant.get("description", "")))
    if stated:
        return stated[1]
    for key, value in versions.items():
        pattern = re.fullmatch(r"variants named (\S+)", key)
        if pattern and fnmatch.fnmatch(name, pattern[1]):
            return _tag(value)
    return _tag(versions)


def _tag(versions: Recorded) -> str:
    found = re.search(r"TF-Mv(\d+\.\d+\.\d+)", str(versions.get("trusted-firmware-m", "")))
    assert found, "the recording does not say which TF-M it is of"
    return found[1]
