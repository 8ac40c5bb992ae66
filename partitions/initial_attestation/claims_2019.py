"""The claims of April 2019, where they come from elsewhere than today's."""

from ...interface.tfm.cbor_items import encode_text
from ...platform.plat_err import PlatError
from .claims import Claims


class Claims2019(Claims):
    """The order is the profile's; a text that the platform lacks is left out and no failure."""

    def _verification_service(self) -> bytes:
        # TF-M attest_add_verification_service: a platform without one gives no pointer.
        try:
            url = self._hal.tfm_attest_hal_get_verification_service()
        except PlatError:
            return b""
        return encode_text(url) if url else b""

    def _profile_definition(self) -> bytes:
        # TF-M attest_add_profile_definition: likewise.
        try:
            return super()._profile_definition()
        except PlatError:
            return b""

    def _hardware_version(self) -> bytes:
        return self._hal.tfm_plat_get_hw_version()
