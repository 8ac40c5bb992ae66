"""TF-M's profiles (config/profile): named sets of build options, from the smallest device to the largest."""

from dataclasses import dataclass, field, replace
from typing import Final

from .bootloader.config import Bl2Config
from .firmware_build import Build, bl1_config_for, bl2_config_for, its_config_for, ps_config_for
from .interface.errors import TfmSimError
from .interface.psa.crypto_values import PSA_ALG_CCM
from .partitions.crypto.config import CryptoConfig
from .partitions.crypto.wants import AES_ONLY_128
from .partitions.firmware_update.config import FwuConfig
from .partitions.initial_attestation.config import AttestationConfig
from .partitions.internal_trusted_storage.config import ItsConfig
from .partitions.platform.config import PlatformConfig
from .partitions.protected_storage.config import PsConfig
from .platform.board import Board, load_board
from .spm.config import Backend, SpmConfig


class ProfileError(TfmSimError):
    """A profile that there is not, or a board that cannot have it."""


def _algorithms(*names: str) -> frozenset[str]:
    return frozenset(f"PSA_WANT_ALG_{name}" for name in names)


def _key_types(*names: str) -> frozenset[str]:
    return frozenset(f"PSA_WANT_KEY_TYPE_{name}" for name in names)


_ALWAYS: Final = _key_types("DERIVE", "HMAC", "AES", "RAW_DATA", "PASSWORD", "PASSWORD_HASH")
"""Of the last two and RAW_DATA: TF-PSA-Crypto crypto_adjust_config_auto_enabled.h has them in every build."""
_ECC_PAIR: Final = _key_types(
    "ECC_PUBLIC_KEY",
    "ECC_KEY_PAIR_BASIC",
    "ECC_KEY_PAIR_IMPORT",
    "ECC_KEY_PAIR_EXPORT",
    "ECC_KEY_PAIR_GENERATE",
)
_RSA_PAIR: Final = frozenset(want.replace("ECC", "RSA") for want in _ECC_PAIR)

SMALL_WANTS: Final = (
    _ALWAYS
    | {AES_ONLY_128}
    | _algorithms(
        "CCM",
        "ECB_NO_PADDING",
        "HMAC",
        "SHA_224",
        "SHA_256",
        "SP800_108_COUNTER_CMAC",
        "TLS12_PRF",
        "TLS12_PSK_TO_MS",
    )
)
"""crypto_config_profile_small.h."""
MEDIUM_WANTS: Final = (
    SMALL_WANTS | _algorithms("ECDH", "ECDSA", "HKDF") | _ECC_PAIR | {"PSA_WANT_ECC_SECP_R1_256"}
)
"""crypto_config_profile_medium.h; medium_arotless has the same."""
LARGE_WANTS: Final = (
    _ALWAYS
    | _ECC_PAIR
    | _RSA_PAIR
    | _key_types("ECC_KEY_PAIR_DERIVE")
    | {"PSA_WANT_ECC_SECP_K1_256", "PSA_WANT_ECC_SECP_R1_256", "PSA_WANT_ECC_SECP_R1_384"}
    | _algorithms(
        "CBC_NO_PADDING",
        "CBC_PKCS7",
        "CCM",
        "CFB",
        "CMAC",
        "CTR",
        "DETERMINISTIC_ECDSA",
        "ECDH",
        "ECDSA",
        "GCM",
        "HKDF",
        "HMAC",
        "PBKDF2_HMAC",
        "RSA_OAEP",
        "RSA_PKCS1V15_CRYPT",
        "RSA_PKCS1V15_SIGN",
        "RSA_PSS",
        "SHA_224",
        "SHA_256",
        "SHA_384",
        "SHA_512",
        "SP800_108_COUNTER_CMAC",
        "TLS12_PRF",
        "TLS12_PSK_TO_MS",
    )
)
"""crypto_config_profile_large.h."""

MAPPED: Final = 0xFFFFFFFF
"""A scratch buffer that nothing overflows: with PSA_FRAMEWORK_HAS_MM_IOVEC vectors are mapped, not copied."""


@dataclass(frozen=True, slots=True)
class Profile:
    """The options that a profile decides, with the values of its .cmake file and the header of its name.

    A Kconfig build takes a few values from the .conf file instead: there the optional claims of attestation
    are on in every profile. ``image_number`` is MCUBOOT_IMAGE_NUMBER where the profile names one.
    """

    name: str
    spm: SpmConfig
    crypto: CryptoConfig
    attestation: AttestationConfig
    its: ItsConfig
    ps: PsConfig | None = None
    firmware_update: FwuConfig | None = None
    platform: PlatformConfig | None = field(default_factory=PlatformConfig)
    image_number: int | None = None

    @property
    def board(self) -> str:
        """A packaged board with as many images as the profile asks for."""
        return "an521_single_image" if self.image_number == 1 else "an521"

    def build(self, board: Board) -> Build:
        """The whole build for a board; the boot loaders and their number of images are the board's.

        Raises ProfileError for a board without a place for the profile's storage.
        """
        bl2: Bl2Config = bl2_config_for(board)
        if its_config_for(board) is None or (self.ps is not None and ps_config_for(board) is None):
            missing = "internal trusted" if its_config_for(board) is None else "protected"
            raise ProfileError(
                f"profile {self.name} on board {board.name}, which has no flash area for {missing} storage; "
                f"legal: a board with one, such as {self.board}"
            )
        return Build(
            bl2=bl2,
            spm=self.spm,
            attestation=self.attestation,
            crypto=self.crypto,
            firmware_update=self.firmware_update,
            bl1=bl1_config_for(board),
            its=self.its,
            ps=self.ps,
            platform=PlatformConfig() if self.platform else None,
        )


_CRYPTO: Final = CryptoConfig(pake_module=False, extensions=False)
"""TF-M's service as it is, without what is ours."""
_NO_CLAIMS: Final = AttestationConfig(optional_claims=False)
_PS: Final = PsConfig(aead_alg=PSA_ALG_CCM)
_ITS: Final = ItsConfig(buf_size=32)

_MEDIUM_CRYPTO: Final = replace(_CRYPTO, wants=MEDIUM_WANTS, cipher_module=False, asym_encrypt_module=False)

PROFILES: Final = {
    profile.name: profile
    for profile in (
        Profile(
            name="small",
            spm=SpmConfig(backend=Backend.SFN),
            crypto=replace(
                _CRYPTO,
                wants=SMALL_WANTS,
                concurrent_operations=4,
                single_part_functions=False,
                cipher_module=False,
                asym_sign_module=False,
                asym_encrypt_module=False,
                iovec_buffer_size=MAPPED,
            ),
            attestation=replace(_NO_CLAIMS, symmetric=True, mm_iovec=True),
            its=_ITS,
            platform=None,
            image_number=1,
        ),
        Profile(
            name="medium",
            spm=SpmConfig(isolation_level=2),
            crypto=_MEDIUM_CRYPTO,
            attestation=_NO_CLAIMS,
            its=_ITS,
            ps=_PS,
        ),
        Profile(
            name="medium_arotless",
            spm=SpmConfig(backend=Backend.SFN),
            crypto=_MEDIUM_CRYPTO,
            attestation=_NO_CLAIMS,
            its=_ITS,
            firmware_update=FwuConfig(),
        ),
        Profile(
            name="large",
            spm=SpmConfig(isolation_level=3),
            crypto=replace(_CRYPTO, wants=LARGE_WANTS),
            attestation=AttestationConfig(),
            its=ItsConfig(),
            ps=_PS,
        ),
    )
}
"""TF-M's profiles by name, small to large."""


def find_profile(name: str) -> Profile:
    """The profile of this name, with or without TF-M's "profile_" before it.

    Raises ProfileError for another.
    """
    found = PROFILES.get(name.removeprefix("profile_"))
    if found is None:
        raise ProfileError(f"profile {name!r}; legal: {', '.join(PROFILES)}")
    return found


def profile(name: str, board: str | Board | None = None) -> Build:
    """The build that TF-M's profile of this name makes, for a board (its name, its file, or a Board).

    ``board`` None is the packaged board that the profile names. Raises ProfileError, and BoardError for a
    board that cannot be read.
    """
    wanted = find_profile(name)
    place = wanted.board if board is None else board
    return wanted.build(place if isinstance(place, Board) else load_board(place))
