"""The claims of a token: each from its one source, emitted in the profile's order (TF-M attest_core)."""

from collections.abc import Callable, Iterator
from typing import Final

import cbor2

from ...interface.tfm.boot_status import GeneralClaim
from ...interface.tfm.cbor_items import encode_text, join_map
from ...platform.plat_err import PlatError
from ...spm.partition_api import PartitionApi
from .boot_data import BootData, get_uint
from .errors import AttestErr, AttestFailure
from .iak import Iak
from .profiles import Claim, Profile

BOOT_SEED_SIZE: Final = 32
PLATFORM_HASH_ALGO_ID_MAX_SIZE: Final = 32
NO_SW_COMPONENT_FIXED_VALUE: Final = 1


_Told = tuple[bytes, ...] | Callable[[int], tuple[bytes, ...]]
"""Labels and values that do not change within a boot, or what makes them for the id of a token's caller."""


class Claims:
    """Writes the payload of a token."""

    def __init__(self, psa: PartitionApi, profile: Profile, boot_data: BootData, iak: Iak) -> None:
        self._hal = psa.hal
        self._profile = profile
        self._boot_data = boot_data
        self._iak = iak
        encoders: dict[Claim, Callable[[], bytes]] = {
            Claim.BOOT_SEED: self._boot_seed,
            Claim.INSTANCE_ID: self._instance_id,
            Claim.IMPLEMENTATION_ID: self._implementation_id,
            Claim.PROFILE_DEFINITION: self._profile_definition,
            Claim.PLATFORM_HASH_ALGO_ID: self._platform_hash_algo_id,
            Claim.PLATFORM_CONFIG: self._platform_config,
            Claim.VERIFICATION_SERVICE: self._verification_service,
            Claim.CERTIFICATION_REFERENCE: self._certification_reference,
        }
        self._plan = [(claim, profile.labels[claim], encoders.get(claim)) for claim in profile.order]
        self._told: list[_Told] = []

    def encode(self, challenge: bytes, client_id: int, items: list[bytes], *, omit: bool = False) -> bytes:
        """The payload: the nonce, then every claim of the profile, or with ``omit`` none.

        Labels and values go into ``items`` as they are made. Raises AttestFailure: CLAIM_UNAVAILABLE or
        GENERAL for a claim that the platform does not give, CLAIM_UNAVAILABLE where the profile demands
        software components and there are none.
        """
        items += (self._profile.labels[Claim.NONCE], cbor2.dumps(challenge))
        if omit:
            return join_map(items)
        try:
            for told in self._told or self._ask():
                items += told if isinstance(told, tuple) else told(client_id)
        except PlatError as error:
            raise AttestFailure(AttestErr.CLAIM_UNAVAILABLE) from error
        return join_map(items)

    def _ask(self) -> Iterator[_Told]:
        """Every claim for the first time; the next tokens have what does not change from here.

        Keys and identities do not change within a boot; the lifecycle, which may, is not among them. An
        empty one is no claim.
        """
        kept: list[_Told] = []
        for claim, label, encode in self._plan:
            if encode is None:
                kept.append(self._changing(claim, label))
                yield kept[-1]
            elif value := encode():
                yield (label, value)
                last = kept[-1] if kept else None
                if isinstance(last, tuple):
                    kept[-1] = (*last, label, value)
                else:
                    kept.append((label, value))
        self._told = kept

    def _changing(self, claim: Claim, label: bytes) -> Callable[[int], tuple[bytes, ...]]:
        """Label and value of a claim that each token has anew, for the id of its caller."""
        if claim is Claim.CLIENT_ID:
            return lambda client_id: (label, cbor2.dumps(client_id))
        if claim is Claim.SECURITY_LIFECYCLE:
            return lambda _: (label, cbor2.dumps(self._lifecycle()))
        return lambda _: self._components(label)

    def _components(self, label: bytes) -> tuple[bytes, bytes]:
        """The boot records verbatim. TF-M attest_add_all_sw_components: profile 1 may do without."""
        components = self._boot_data.software_components()
        if components:
            return label, components
        if not self._profile.allows_no_components:
            raise AttestFailure(AttestErr.CLAIM_UNAVAILABLE)
        return self._profile.labels[Claim.NO_SW_COMPONENTS], cbor2.dumps(NO_SW_COMPONENT_FIXED_VALUE)

    def _boot_seed(self) -> bytes:
        told = self._boot_data.general_claim(GeneralClaim.BOOT_SEED)
        return cbor2.dumps(self._hal.tfm_plat_get_boot_seed(BOOT_SEED_SIZE) if told is None else told)

    def _lifecycle(self) -> int:
        """TF-M attest_add_security_lifecycle_claim: the boot loader's is a number of 1, 2 or 4 bytes."""
        told = self._boot_data.general_claim(GeneralClaim.SECURITY_LIFECYCLE)
        if told is None:
            return int(self._hal.tfm_attest_hal_get_security_lifecycle())
        value = get_uint(told)
        if value is None or value > self._boot_data.lifecycle_max:
            raise AttestFailure(AttestErr.GENERAL)
        return value

    def _instance_id(self) -> bytes:
        return cbor2.dumps(self._iak.instance_id())

    def _implementation_id(self) -> bytes:
        return cbor2.dumps(self._hal.tfm_plat_get_implementation_id())

    def _profile_definition(self) -> bytes:
        """What the platform names, or else the build's own string (TF-M attest_add_profile_definition)."""
        return encode_text(self._hal.tfm_attest_hal_get_profile_definition() or self._profile.definition)

    def _platform_hash_algo_id(self) -> bytes:
        name = self._hal.tfm_attest_hal_get_platform_hash_algo()
        if not name or b"\0" in name or len(name) > PLATFORM_HASH_ALGO_ID_MAX_SIZE:
            raise AttestFailure(AttestErr.GENERAL)
        return encode_text(name)

    def _platform_config(self) -> bytes:
        return cbor2.dumps(self._hal.tfm_attest_hal_get_platform_config())

    def _verification_service(self) -> bytes:
        return encode_text(self._hal.tfm_attest_hal_get_verification_service())

    def _certification_reference(self) -> bytes:
        told = self._boot_data.general_claim(GeneralClaim.HW_VERSION)
        return encode_text(self._hardware_version() if told is None else told)

    def _hardware_version(self) -> bytes:
        return self._hal.tfm_plat_get_cert_ref()
