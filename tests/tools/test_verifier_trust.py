"""Trust anchors by implementation and instance id."""

import pytest

from tfm_sim.tools.verifier import MacKey, TrustAnchor, TrustAnchorUnusable, TrustStore

MAKE, DEVICE = bytes(32), b"\x01" + bytes(32)
ANCHOR = TrustAnchor(MAKE, DEVICE, MacKey(bytes(32)))


@pytest.mark.parametrize(
    "implementation_id, instance_id, found",
    [
        pytest.param(MAKE, DEVICE, ANCHOR, id="both"),
        pytest.param(MAKE, b"\x01" + bytes(31) + b"\x01", None, id="another device"),
        pytest.param(b"\x01" + bytes(31), DEVICE, None, id="another make"),
        pytest.param(MAKE[:4], DEVICE, None, id="a short implementation id"),
    ],
)
def test_anchor_is_found_by_both_ids(
    implementation_id: bytes, instance_id: bytes, found: TrustAnchor | None
) -> None:
    assert TrustStore([ANCHOR]).find(implementation_id, instance_id) is found


@pytest.mark.parametrize(
    "implementation_id, instance_id", [(bytes(4), DEVICE), (MAKE, bytes(33)), (MAKE, DEVICE[:32])]
)
def test_anchor_that_no_token_can_name_is_refused(implementation_id: bytes, instance_id: bytes) -> None:
    with pytest.raises(TrustAnchorUnusable, match="legal:"):
        TrustAnchor(implementation_id, instance_id, ANCHOR.key)


def test_one_device_has_one_key() -> None:
    assert list(TrustStore([ANCHOR, ANCHOR])) == [ANCHOR]
    with pytest.raises(TrustAnchorUnusable, match="two keys"):
        TrustStore([ANCHOR, TrustAnchor(MAKE, DEVICE, MacKey(bytes(48)))])
