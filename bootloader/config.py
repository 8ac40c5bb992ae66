"""How a BL2 is built: what MCUboot's and TF-M's build options decide, as data."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from ..interface.errors import TfmSimError
from ..interface.mcuboot.image import ImageVersion
from ..interface.mcuboot.tlv import TlvType
from ..interface.tfm.boot_status import BootStatusEra, GeneralClaim
from .encryption_key import EncryptionKeyError, EncryptionType, decode_encryption_key
from .shared_data_config import BootInfo, RseRotpks


class UpgradeStrategy(Enum):
    """TF-M MCUBOOT_UPGRADE_STRATEGY, with MCUboot's SWAP_USING_OFFSET beside TF-M's five."""

    OVERWRITE_ONLY = "OVERWRITE_ONLY"
    SWAP_USING_SCRATCH = "SWAP_USING_SCRATCH"
    SWAP_USING_MOVE = "SWAP_USING_MOVE"
    SWAP_USING_OFFSET = "SWAP_USING_OFFSET"
    DIRECT_XIP = "DIRECT_XIP"
    DIRECT_XIP_REVERT = "DIRECT_XIP+REVERT"
    RAM_LOAD = "RAM_LOAD"
    RAM_LOAD_REVERT = "RAM_LOAD+REVERT"

    @property
    def slots_equivalent(self) -> bool:
        """MCUboot ARE_SLOTS_EQUIVALENT: an image may run from either slot; none is for candidates only."""
        return self in _SLOTS_EQUIVALENT

    @property
    def loads_to_ram(self) -> bool:
        """MCUboot MCUBOOT_RAM_LOAD: images are copied to RAM, and judged there."""
        return self in (UpgradeStrategy.RAM_LOAD, UpgradeStrategy.RAM_LOAD_REVERT)

    @property
    def erases_without_magic(self) -> bool:
        """MCUboot boot_select_or_erase: an image in any slot needs a good trailer magic, or is erased."""
        return self in (UpgradeStrategy.DIRECT_XIP_REVERT, UpgradeStrategy.RAM_LOAD_REVERT)


_SLOTS_EQUIVALENT: Final = (
    UpgradeStrategy.DIRECT_XIP,
    UpgradeStrategy.DIRECT_XIP_REVERT,
    UpgradeStrategy.RAM_LOAD,
    UpgradeStrategy.RAM_LOAD_REVERT,
)


class SignatureType(Enum):
    """TF-M MCUBOOT_SIGNATURE_TYPE, with MCUboot's ED25519 beside TF-M's four. A loader knows exactly one."""

    RSA_2048 = "RSA-2048"
    RSA_3072 = "RSA-3072"
    EC_P256 = "EC-P256"
    EC_P384 = "EC-P384"
    ED25519 = "ED25519"


class KeyMode(Enum):
    """Where the loader has its public keys from."""

    KEYHASH = "KEYHASH"
    """Keys compiled in; a KEYHASH TLV picks one of them, whatever the image."""
    HW_KEY = "HW_KEY"
    """The image carries the whole key; its hash must equal the OTP's ROTPK of that image index."""
    BUILTIN_KEY = "BUILTIN_KEY"
    """No key TLV counts; the key id is the image index."""


class HashAlgorithm(Enum):
    """Digest of an image; the value is its name as `hashlib` and imgtool's TLV names (upper case) have it."""

    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"

    @property
    def size(self) -> int:
        """Bytes of a digest."""
        return _HASH_SIZE[self]

    @property
    def tlv(self) -> TlvType:
        return TlvType[self.name]


_HASH_SIZE: Final = {HashAlgorithm.SHA256: 32, HashAlgorithm.SHA384: 48, HashAlgorithm.SHA512: 64}


@dataclass(frozen=True, slots=True)
class SignatureParameters:
    """What MCUboot's image_validate.c derives from the signature type."""

    tlv: TlvType
    buffer_size: int
    """SIG_BUF_SIZE: the longest signature, in bytes."""
    exact_length: bool
    """EXPECTED_SIG_LEN: ECDSA leaves the length to the DER inside."""


SIGNATURE_PARAMETERS: Final = {
    SignatureType.RSA_2048: SignatureParameters(TlvType.RSA2048_PSS, 256, True),
    SignatureType.RSA_3072: SignatureParameters(TlvType.RSA3072_PSS, 384, True),
    SignatureType.EC_P256: SignatureParameters(TlvType.ECDSA_SIG, 128, False),
    SignatureType.EC_P384: SignatureParameters(TlvType.ECDSA_SIG, 128, False),
    SignatureType.ED25519: SignatureParameters(TlvType.ED25519, 64, True),
}


@dataclass(frozen=True, slots=True)
class KeySlot:
    """A key that may sign an image in multi-signature mode (TF-M tfm_image_key_map).

    ``rotpk`` says where it is: the number of OTP's BL2_ROTPK, or of one of the loader's ``keys``.
    """

    key_id: int
    rotpk: int


TFM_S_KEY_ID: Final = 0x7FFF816B
TFM_NS_KEY_ID: Final = 0x7FFF816C
TFM_KEY_SLOTS: Final = (
    (KeySlot(TFM_S_KEY_ID, 0), KeySlot(TFM_NS_KEY_ID, 1)),
    (KeySlot(TFM_NS_KEY_ID, 1),),
    (KeySlot(TFM_S_KEY_ID, 0),),
    (KeySlot(TFM_S_KEY_ID, 0),),
)
"""TF-M bl2/ext/mcuboot/keys_builtin.c: the secure image has two keys, any other one."""
TFM_ROTPK_POLICIES: Final = 0b111
"""TF-M BL2_ROTPK_POLICIES, its dummy provisioning: all keys of the first two images must sign."""


class Bl2ConfigError(TfmSimError):
    """A combination of options that no build of BL2 has."""


@dataclass(frozen=True, slots=True)
class Bl2Config:
    """Build options of one BL2. The defaults are TF-M's, but for the signature type (TF-M: RSA-3072).

    ``keys`` are public key encodings (see `keys.public_key_encoding`): in KEYHASH mode those compiled in, in
    BUILTIN_KEY mode that of each image index (none: OTP's ROTPK holds the raw point). HW_KEY has none.
    """

    # --- Images, slots and trailers ---

    strategy: UpgradeStrategy = UpgradeStrategy.OVERWRITE_ONLY
    image_number: int = 2
    max_img_sectors: int = 128
    """MCUBOOT_MAX_IMG_SECTORS; on AN521 0x80000 / 0x1000."""
    boot_max_align: int = 8
    """MCUBOOT_BOOT_MAX_ALIGN: 8, 16 or 32 bytes a trailer cell."""
    single_boot_go: bool = False
    """Plain MCUboot ports examine all images in one boot_go; TF-M boots each by itself, the last first."""

    # --- Whose images: signatures, digests, keys ---

    signature_type: SignatureType = SignatureType.EC_P256
    key_mode: KeyMode = KeyMode.HW_KEY
    keys: tuple[bytes, ...] = ()
    key_slots: tuple[tuple[KeySlot, ...], ...] = ()
    """MCUBOOT_IMAGE_MULTI_SIG_SUPPORT: the keys of each image index; () is one signature an image."""
    rotpk_policies: int | None = None
    """MCUBOOT_ROTPK_SIGN_POLICY: bit (image x most key slots of an image + slot) says that a key must sign.

    None: the option is off and all keys must.
    """
    sha512: bool = False
    """MCUBOOT_SHA512: image digests by SHA-512."""
    pure: bool = False
    """MCUBOOT_SIGN_PURE: the Ed25519 signature is over the image itself, no hash TLV is looked at."""
    unsigned: bool = False
    """No MCUBOOT_SIGN_* at all: the digest decides alone, keys and signatures are not looked at."""

    # --- What else an image must have ---

    tlv_allow_list: bool = False
    """MCUBOOT_USE_TLV_ALLOW_LIST: only signature and encryption TLVs may stand unprotected."""
    uuid_vid: bytes | None = None
    """MCUBOOT_UUID_VID: the 16 bytes that each image's vendor id must equal."""
    uuid_cid: bytes | None = None
    """MCUBOOT_UUID_CID: the same for the class id."""

    # --- Rollback and downgrades ---

    rollback: bool = True
    """MCUBOOT_HW_ROLLBACK_PROT: security counters against NV counters."""
    counter_limited: bool = False
    """MCUBOOT_HW_ROLLBACK_PROT_COUNTER_LIMITED: an image whose counter the NV counter cannot take is refused
    before it moves anything; else the update fails after validation."""
    downgrade_prevention: bool = False
    """MCUBOOT_DOWNGRADE_PREVENTION: a candidate older than the primary image is erased."""
    downgrade_by_counter: bool = False
    """MCUBOOT_DOWNGRADE_PREVENTION_SECURITY_COUNTER: swaps compare security counters."""
    version_build_number: bool = False
    """MCUBOOT_VERSION_CMP_USE_BUILD_NUMBER: the build number counts where versions are compared."""

    # --- How upgrades are done ---

    bootstrap: bool = False
    """MCUBOOT_BOOTSTRAP: a primary slot without a valid image takes the secondary slot's."""
    overwrite_fast: bool = False
    """MCUBOOT_OVERWRITE_ONLY_FAST: no more is copied than the image has, and the magic written."""
    overwrite_keep_backup: bool = False
    """MCUBOOT_OVERWRITE_ONLY_KEEP_BACKUP: a copied candidate loses its trailer only."""
    offset_revert_marked_again: bool = False
    """As MCUboot: a SWAP_USING_OFFSET revert cut in its first sector marks the secondary trailer once more.

    Cut a second time just there, both images are lost; so the default does not.
    """
    scratch_magic_kept: bool = False
    """As MCUboot: the scratch trailer keeps its magic until its sector is erased.

    Where that sector holds image data too, an erase that is torn may leave the magic without the data, and
    the image is lost; so by default the magic is spoiled first.
    """
    scratch_taken_in_mid_swap: bool = False
    """As MCUboot in TF-M's order: an image may swap while another's, cut off, has data in the scratch area.

    The other image is lost then; so by default a swap that was cut off is finished before any other begins.
    """

    # --- Encrypted and compressed images ---

    encryption: EncryptionType | None = None
    """MCUBOOT_ENC_IMAGES with one of MCUBOOT_ENCRYPT_*; None takes plain images only."""
    encryption_key: bytes = field(default=b"", repr=False)
    """What unwraps image keys: a DER private key, with KW the key encryption key's raw bytes."""
    aes_256: bool = False
    """MCUBOOT_AES_256: image keys have 32 bytes, not 16. The flag in a header does not decide it."""
    hmac_sha512: bool = False
    """MCUBOOT_HMAC_SHA512: X25519 wraps with SHA-512, in a TLV type of its own."""
    save_enctlv: bool = False
    """MCUBOOT_SWAP_SAVE_ENCTLV: a trailer keeps the wrapped image keys in place of the keys themselves."""
    decompression: bool = False
    """MCUBOOT_DECOMPRESS_IMAGES: compressed candidates (LZMA2) become plain images in the primary slot."""

    # --- What BL2 tells the runtime firmware ---

    measured_boot: bool = True
    """CONFIG_TFM_BOOT_STORE_MEASUREMENTS: what is known of each image goes to the shared area."""
    store_encoded_measurements: bool = True
    """CONFIG_TFM_BOOT_STORE_ENCODED_MEASUREMENTS: as boot records; else as pairs for measured boot."""
    fwu_boot_data: bool = False
    """TFM_PARTITION_FIRMWARE_UPDATE: each image's version goes to the shared area."""
    rse_rotpks: RseRotpks | None = None
    """The ROTPKs that an RSE's BL2 stores as measurements, where they are not encoded."""
    boot_info: BootInfo | None = None
    """MCUBOOT_DATA_SHARING_BOOTINFO of plain MCUboot; TF-M's BL2 has its own function in that place."""
    boot_status: BootStatusEra = BootStatusEra.TODAY
    """The era whose boot status this BL2 writes."""
    general_claims: tuple[tuple[GeneralClaim, bytes], ...] = ()
    """What a platform's BL2 of 2019 hands on of the device itself, ahead of the images."""

    def __post_init__(self) -> None:
        if self.boot_max_align not in (8, 16, 32):
            raise Bl2ConfigError(f"BL2: boot_max_align {self.boot_max_align}; legal: 8, 16, 32")
        if not 1 <= self.image_number <= 4:
            raise Bl2ConfigError(f"BL2: image_number {self.image_number}; legal: 1 to 4")
        if self.pure and self.signature_type is not SignatureType.ED25519:
            raise Bl2ConfigError(f"BL2: pure signatures with {self.signature_type.value}; legal: ED25519")
        if self.key_mode is KeyMode.KEYHASH and not self.keys and not self.unsigned:
            raise Bl2ConfigError("BL2: key mode KEYHASH without keys; legal: at least one public key")
        if self.unsigned and (self.pure or self.decompression or self.key_slots):
            raise Bl2ConfigError(
                "BL2: unsigned with pure signatures, decompression or key slots; legal: none of these"
            )
        if self.decompression and self.strategy is not UpgradeStrategy.OVERWRITE_ONLY:
            raise Bl2ConfigError(f"BL2: decompression with {self.strategy.value}; legal: OVERWRITE_ONLY")
        if self.pure and (self.decompression or self.encryption or self.key_slots):
            # MCUboot MCUBOOT_SIGN_PURE: checked over flash as it stands, and collected by no policy.
            raise Bl2ConfigError(
                "BL2: pure signatures with decompression, encryption or key slots; legal: none of these"
            )
        fast = self.overwrite_fast or self.overwrite_keep_backup
        if fast and self.strategy is not UpgradeStrategy.OVERWRITE_ONLY:
            raise Bl2ConfigError(
                "BL2: overwrite_fast or overwrite_keep_backup with "
                f"{self.strategy.value}; legal: OVERWRITE_ONLY"
            )
        self._check_encryption()
        self._check_shared_data()

    def _check_encryption(self) -> None:
        if self.encryption is None:
            return
        if self.strategy in (UpgradeStrategy.DIRECT_XIP, UpgradeStrategy.DIRECT_XIP_REVERT):
            # MCUboot bootutil_priv.h: an image that runs in place cannot be encrypted.
            raise Bl2ConfigError(f"BL2: encryption with {self.strategy.value}; legal: all other strategies")
        if self.hmac_sha512 and self.encryption is not EncryptionType.X25519:
            raise Bl2ConfigError(f"BL2: hmac_sha512 with {self.encryption.value}; legal: X25519")
        try:
            decode_encryption_key(self.encryption, self.encryption_key)
        except EncryptionKeyError as error:
            raise Bl2ConfigError(f"BL2: encryption key for {self.encryption.value}: {error}") from None
        if self.encryption is EncryptionType.KW and len(self.encryption_key) != self.enc_key_size:
            # MCUboot boot_decrypt_key asserts it.
            raise Bl2ConfigError(
                f"BL2: a key encryption key of {len(self.encryption_key)} bytes; "
                f"legal: {self.enc_key_size}, as image keys have"
            )

    def _check_shared_data(self) -> None:
        if self.boot_info is not None and (self.fwu_boot_data or self.measured_boot_api):
            raise Bl2ConfigError(
                "BL2: boot_info beside fwu_boot_data or measurements that are not encoded; "
                "legal: one of them, MCUboot and TF-M have a boot_save_shared_data each"
            )
        if self.rse_rotpks is not None:
            if not self.measured_boot_api:
                raise Bl2ConfigError("BL2: rse_rotpks among encoded measurements; legal: pairs")
            if self.rse_rotpks.problem:
                raise Bl2ConfigError(f"BL2: {self.rse_rotpks.problem}")
        if self.boot_status is BootStatusEra.TODAY:
            if self.general_claims:
                raise Bl2ConfigError("BL2: general_claims in the boot status of today; legal: in one of 2019")
            return
        if self.data_sharing:
            raise Bl2ConfigError(
                f"BL2: entries for others than attestation in the boot status of {self.boot_status.value}; "
                "legal: neither boot_info nor fwu_boot_data, encoded measurements"
            )
        if self.image_hash is not HashAlgorithm.SHA256:
            raise Bl2ConfigError(
                f"BL2: {self.image_hash.name} in the boot status of {self.boot_status.value}; legal: SHA256"
            )

    @property
    def mcuboot_measured_boot(self) -> bool:
        """MCUBOOT_MEASURED_BOOT: MCUboot itself publishes each image's boot record."""
        return self.measured_boot and self.store_encoded_measurements

    @property
    def measured_boot_api(self) -> bool:
        """TFM_MEASURED_BOOT_API: pairs of metadata and value for the measured boot partition."""
        return self.measured_boot and not self.store_encoded_measurements

    @property
    def data_sharing(self) -> bool:
        """MCUBOOT_DATA_SHARING: boot_save_shared_data is called for each image."""
        return self.fwu_boot_data or self.measured_boot_api or self.boot_info is not None

    @property
    def image_hash(self) -> HashAlgorithm:
        """MCUboot EXPECTED_HASH_TLV: one digest algorithm a build; TLVs of others are ignored."""
        if self.signature_type is SignatureType.EC_P384 and not self.unsigned:
            return HashAlgorithm.SHA384
        return HashAlgorithm.SHA512 if self.sha512 else HashAlgorithm.SHA256

    def version_order(self, version: ImageVersion) -> tuple[int, ...]:
        """What boot_compare_version compares of a version, the most significant number first."""
        return (*version.comparable, version.build) if self.version_build_number else version.comparable

    @property
    def signature(self) -> SignatureParameters:
        return SIGNATURE_PARAMETERS[self.signature_type]

    @property
    def key_tlv(self) -> TlvType | None:
        """MCUboot EXPECTED_KEY_TLV; none with built-in keys, unless there are key slots."""
        if self.unsigned:
            return None
        return {
            KeyMode.KEYHASH: TlvType.KEYHASH,
            KeyMode.HW_KEY: TlvType.PUBKEY,
            KeyMode.BUILTIN_KEY: TlvType.KEYID if self.key_slots else None,
        }[self.key_mode]

    @property
    def key_buffer_size(self) -> int:
        """MCUboot KEY_BUF_SIZE in bytes: a longer key TLV fails the image."""
        if self.key_mode is KeyMode.HW_KEY:
            return self.signature.buffer_size + 24
        return 4 if self.key_mode is KeyMode.BUILTIN_KEY else self.image_hash.size

    def slots_of(self, image: int) -> tuple[KeySlot, ...]:
        """The key slots of an image index; () where there are none."""
        return self.key_slots[image] if image < len(self.key_slots) else ()

    def must_sign(self, image: int, slot: int) -> bool:
        """Whether the policy makes the key in a slot compulsory."""
        if self.rotpk_policies is None:
            return True
        bit = image * max(len(slots) for slots in self.key_slots) + slot
        return bool(self.rotpk_policies >> bit & 1)

    @property
    def enc_key_size(self) -> int:
        """MCUboot BOOT_ENC_KEY_SIZE: bytes of an image key."""
        return 32 if self.aes_256 else 16

    @property
    def enc_tlv(self) -> TlvType | None:
        """MCUboot BOOT_ENC_TLV; None without encryption."""
        return None if self.encryption is None else self.encryption.tlv(self.hmac_sha512)

    @property
    def enc_tlv_size(self) -> int:
        """MCUboot BOOT_ENC_TLV_SIZE in bytes; 0 without encryption."""
        mac = 64 if self.hmac_sha512 else 32
        match self.encryption:
            case None:
                return 0
            case EncryptionType.RSA:
                return 256
            case EncryptionType.KW:
                return self.enc_key_size + 8
            case EncryptionType.EC256:
                return 65 + mac + self.enc_key_size
            case EncryptionType.X25519:
                return 32 + mac + self.enc_key_size

    @property
    def enc_cell_size(self) -> int:
        """Bytes that a trailer has for one slot's image key: the key or the TLV, in whole cells.

        MCUboot BOOT_ENC_KEY_ALIGN_SIZE, with MCUBOOT_SWAP_SAVE_ENCTLV BOOT_ENC_TLV_ALIGN_SIZE; 0 without
        encryption.
        """
        if self.encryption is None:
            return 0
        size = self.enc_tlv_size if self.save_enctlv else self.enc_key_size
        return -(-size // self.boot_max_align) * self.boot_max_align

    @property
    def max_boot_record_size(self) -> int:
        """TF-M MAX_BOOT_RECORD_SZ in bytes."""
        return 164 if self.signature_type is SignatureType.EC_P384 else 132
