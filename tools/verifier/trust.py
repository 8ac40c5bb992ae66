"""Trust anchors: which key a device's tokens must verify with, by what the device calls itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ...interface.errors import TfmSimError
from .keys import Key

IMPLEMENTATION_ID_SIZE = 32
INSTANCE_ID_SIZE = 33


class TrustAnchorUnusable(TfmSimError):
    """A trust anchor that no token can name, or two that one token would name."""


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """One device's initial attestation key: the public half, or the secret it shares with the verifier.

    ``implementation_id`` (32 bytes) names the make, ``instance_id`` (33 bytes, the first 0x01) the device,
    as the claims of its tokens have them. Raises TrustAnchorUnusable for other sizes.
    """

    implementation_id: bytes
    instance_id: bytes
    key: Key

    def __post_init__(self) -> None:
        if len(self.implementation_id) != IMPLEMENTATION_ID_SIZE:
            raise TrustAnchorUnusable(
                f"trust anchor: an implementation id of {len(self.implementation_id)} bytes; "
                f"legal: {IMPLEMENTATION_ID_SIZE} bytes"
            )
        if len(self.instance_id) != INSTANCE_ID_SIZE or self.instance_id[0] != 1:
            raise TrustAnchorUnusable(
                f"trust anchor: the instance id {self.instance_id.hex()} of {len(self.instance_id)} bytes; "
                f"legal: {INSTANCE_ID_SIZE} bytes, the first 01"
            )


class TrustStore:
    """The anchors that a verifier trusts, at most one for each device.

    Raises TrustAnchorUnusable if two anchors name the same device with different keys.
    """

    def __init__(self, anchors: Iterable[TrustAnchor]) -> None:
        self._anchors: dict[tuple[bytes, bytes], TrustAnchor] = {}
        for anchor in anchors:
            name = (anchor.implementation_id, anchor.instance_id)
            if self._anchors.setdefault(name, anchor) != anchor:
                raise TrustAnchorUnusable(
                    f"trust anchors: two keys for instance id {anchor.instance_id.hex()}; legal: one"
                )

    def find(self, implementation_id: bytes, instance_id: bytes) -> TrustAnchor | None:
        """The anchor of the device that a token says it comes from. PSA attestation: both ids, exactly."""
        return self._anchors.get((implementation_id, instance_id))

    def __iter__(self) -> Iterator[TrustAnchor]:
        return iter(self._anchors.values())

    def __len__(self) -> int:
        return len(self._anchors)
