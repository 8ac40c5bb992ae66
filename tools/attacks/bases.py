"""Good tokens of every kind from real boots: what mutations are made of, and the positive controls."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from ...device import Device
from ...firmware_build import (
    Build,
    bl1_config_for,
    dummy_provisioning,
    its_config_for,
    ps_config_for,
    with_token_variant,
)
from ...interface.psa.crypto_values import PSA_KEY_TYPE_HMAC
from ...partitions.crypto.config import CryptoConfig
from ...partitions.initial_attestation.config import AttestationConfig, SignatureOf2019, TokenVariant
from ...platform.board import Board, load_board
from ...platform.iak_type import IakType
from ...platform.provisioning import DUMMY_2019, DUMMY_IAK_ID, Provisioning
from ..delegated_demo import DEFAULT_BOARD as CCA_BOARD
from ..delegated_demo import cca_build
from ..demo_firmware import flash_demo_firmware
from ..realm import Composition, Realm, RealmProfile
from ..tokens.cose_writer import SCALAR_CURVES, SigningKey
from ..verifier.cose import ALGORITHMS
from .subject import Means, Subject

DEFAULT_BOARD: Final = "an521"


@dataclass(frozen=True, slots=True)
class Base:
    """One good token, its challenge and the private keys behind it."""

    name: str
    what: str
    token: bytes
    challenge: bytes
    signer: SigningKey = field(repr=False)
    realm: SigningKey | None = field(default=None, repr=False)

    def subject(self, seed: int = 0) -> Subject:
        """To be attacked, with every key at hand."""
        return Subject.of(self.token, Means(seed=seed, signer=self.signer, realm=self.realm))


def boot_bases(
    board: Board | str = DEFAULT_BOARD, provisioning: Provisioning | None = None, seed: int = 0
) -> Iterator[Base]:
    """Boot a device for each variant of the token, for a MAC, a kid, and each composition.

    ``provisioning`` None is TF-M's dummy data, NOT SECURE. Longer keys are of the seed's making; the
    compositions come from the board with BL1 and its own dummy data.
    Raises what Device raises.
    """
    loaded = load_board(board) if isinstance(board, str) else board
    for name, what, config in _VARIANTS:
        yield _initial(loaded, name, what, config, _fitting(provisioning, config), seed)
    yield from _long_keys(loaded, provisioning, seed)
    yield from _composed(seed)


def _long_keys(board: Board, values: Provisioning | None, seed: int) -> Iterator[Base]:
    """RFC 9783 by every other algorithm: the same board with a larger field for the key in its OTP."""
    layout = replace(board.otp.layout, iak_size=_LONGEST_IAK)
    roomy = replace(board, otp=replace(board.otp, layout=layout))
    for algorithm, kind in _LONG_KEYS:
        key = Means(seed=seed).own_key(ALGORITHMS[algorithm], "device key")
        data = (
            key
            if isinstance(key, bytes)
            else key.private_numbers().private_value.to_bytes((key.key_size + 7) // 8)
        )
        config = AttestationConfig(variant=_RFC, symmetric=kind.is_symmetric, max_token_size=_TOKEN_SIZE)
        own = replace(dummy_provisioning(Build()) if values is None else values, iak=data, iak_type=kind)
        name = ALGORITHMS[algorithm].name
        slug = name.split("/")[0].replace(" ", "-").lower()
        yield _initial(roomy, f"rfc9783-{slug}", f"RFC 9783 by {name}", config, own, seed)


def _fitting(values: Provisioning | None, config: AttestationConfig) -> Provisioning | None:
    """The values as the factory of such a device burns them.

    A key of its kind: 32 bytes serve either way, as TF-M's own dummy does. In 2019 the profile of that time,
    and the reference as a hardware version, which has no dash.
    """
    if values is None:
        return None
    if config.variant is TokenVariant.TFM_2019:
        version = values.cert_ref.replace(b"-", b"")
        values = replace(values, cert_ref=version, profile_definition=DUMMY_2019.profile_definition)
    symmetric = config.symmetric
    if IakType(values.iak_type).is_symmetric is symmetric:
        return values
    return replace(values, iak=values.iak[:32], iak_type=IakType.HMAC if symmetric else IakType.SECP_R1)


_P1, _RFC = TokenVariant.PSA_IOT_PROFILE_1, TokenVariant.RFC_9783
_VARIANTS: Final = (
    *(
        (
            variant.value,
            f"a COSE_Sign1 of variant {variant.value}",
            AttestationConfig(variant=variant, signature_of_2019=SignatureOf2019.ES256),
        )
        for variant in TokenVariant
    ),
    ("psa-iot-1-kid", "profile 1 with a kid", AttestationConfig(variant=_P1, cose_key_id=True)),
    (
        "psa-iot-1-bare",
        "profile 1 without optional claims",
        AttestationConfig(variant=_P1, optional_claims=False),
    ),
    ("psa-iot-1-mac", "profile 1 in a COSE_Mac0", AttestationConfig(variant=_P1, symmetric=True)),
    (
        "rfc9783-mac",
        "RFC 9783 in a COSE_Mac0 with a kid",
        AttestationConfig(variant=_RFC, symmetric=True, cose_key_id=True),
    ),
)


_LONG_KEYS: Final = (
    (-35, IakType.SECP_R1),
    (-36, IakType.SECP_R1),
    (6, IakType.HMAC_384),
    (7, IakType.HMAC_512),
)
_LONGEST_IAK: Final = 66
_TOKEN_SIZE: Final = 0x800
"""What TF-M's default of 592 bytes lacks for a signature of ES512."""


def challenge_of(name: str, seed: int, size: int = 32) -> bytes:
    """The relying party's challenge for a base."""
    return Means(seed=seed).material(f"challenge of {name}", size)


def _initial(
    board: Board, name: str, what: str, config: AttestationConfig, values: Provisioning | None, seed: int
) -> Base:
    build = Build(
        bl1=bl1_config_for(board),
        its=its_config_for(board),
        ps=ps_config_for(board),
        attestation=config,
        crypto=CryptoConfig(builtin_max_key_length=_LONGEST_IAK),  # TF-M's 48 would pass P-521 over
    )
    if (
        values is None and config.symmetric and config.cose_key_id
    ):  # TF-M's dummy kid, which OTP lacks by itself
        values = replace(dummy_provisioning(build), iak_id=DUMMY_IAK_ID)
    challenge = challenge_of(name, seed)
    with _booted(board, with_token_variant(build), values, seed) as device:
        token = device.psa.initial_attestation.get_token(challenge)
        return Base(name, what, token, challenge, signing_key(device))


def _composed(seed: int) -> Iterator[Base]:
    """A realm with a delegated key, and its token with the platform's in each form."""
    board = load_board(CCA_BOARD)
    for form in Composition:
        old = form is Composition.LEGACY
        variant = TokenVariant.CCA_1_0_0 if old else TokenVariant.CCA_2023
        name = f"composed-{form.value}"
        with _booted(board, cca_build(board, variant), None, seed) as device:
            service = device.tfm.delegated_attestation
            profile = RealmProfile.LEGACY if old else RealmProfile.CCA_2024
            realm = Realm.request(service, profile=profile)
            platform = realm.request_platform_token(service)
            challenge = challenge_of(name, seed, 64)
            token = realm.compose(platform, challenge, form)
            how = "nested" if form is Composition.NESTED else f"tag {form.value}"
            what = f"a realm's and a platform's token, {how}"
            yield Base(name, what, token, challenge, signing_key(device), realm.key.private)


@contextmanager
def _booted(board: Board, build: Build, values: Provisioning | None, seed: int) -> Iterator[Device]:
    with Device(board, build=build, provisioning=values, seed=seed) as device:
        flash_demo_firmware(device)
        yield device.power_on()


def signing_key(device: Device) -> SigningKey:
    """The device's initial attestation key as its factory knows it."""
    iak = device.hardware.hal.tfm_plat_get_iak()
    if iak.type == PSA_KEY_TYPE_HMAC:
        return iak.data
    return ec.derive_private_key(int.from_bytes(iak.data), SCALAR_CURVES[len(iak.data)])
