"""With MM-IOVEC a failed call leaves what was written: every size of buffer, as TF-M's own code does."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from support.attestation_bench import failing_hal
from support.partition_bench import NS_RAM, PartitionBench, start_partitions
from support.token_parts import CHALLENGE, NSPE, SPE, boot_status, take_apart

from tfm_sim.interface.psa.client import psa_invec, psa_outvec
from tfm_sim.interface.psa.initial_attestation import InitialAttestation
from tfm_sim.interface.tfm.attestation import TFM_ATTEST_GET_TOKEN
from tfm_sim.interface.tfm.services import TFM_ATTESTATION_SERVICE_HANDLE
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.provisioning import DUMMY

RECORDED = json.loads((Path(__file__).parent.parent / "data" / "attestation_left_in_place.json").read_text())[
    "builds"
]
BUILDS = {
    "rfc9783 Sign1 kid": AttestationConfig(TokenVariant.RFC_9783, cose_key_id=True, mm_iovec=True),
    "psa-iot-1 Mac0 kid": AttestationConfig(cose_key_id=True, symmetric=True, mm_iovec=True),
    "cca Sign1": AttestationConfig(TokenVariant.CCA_2023, mm_iovec=True),
}
SIZE, GENERIC, SMALL = 48, -132, -138
ROOM = 0x300


def start(config: AttestationConfig, **options: Any) -> PartitionBench:
    if config.symmetric:
        options["provisioning"] = replace(DUMMY, iak_type=IakType.HMAC)
    return start_partitions(config, boot_status=boot_status(SPE, NSPE), **options)


def left(device: PartitionBench, capacity: int) -> tuple[int, bytes]:
    """Status, and the buffer of a call that filled it with 0xee before."""
    cpu = device.ns.cpu  # type: ignore[attr-defined]
    cpu.store(NS_RAM, CHALLENGE[:SIZE])
    cpu.store(NS_RAM + 0x1000, b"\xee" * ROOM)
    vectors = [psa_invec(NS_RAM, SIZE)], [psa_outvec(NS_RAM + 0x1000, capacity)]
    status = device.ns.psa_call(TFM_ATTESTATION_SERVICE_HANDLE, TFM_ATTEST_GET_TOKEN, *vectors)
    found: bytes = cpu.load(NS_RAM + 0x1000, ROOM)
    assert found[capacity:] == b"\xee" * (ROOM - capacity)
    return status, found[:capacity]


@pytest.mark.parametrize("name", BUILDS)
def test_every_capacity_leaves_what_tf_m_leaves(name: str) -> None:
    """String heads are written apart from their content, heads of maps and arrays after theirs."""
    device, recorded = start(BUILDS[name]), RECORDED[name]
    assert InitialAttestation(device.ns).get_token_size(SIZE) == recorded["size"]
    digests = recorded["left"]
    wanted = [digests[at : at + 8] for at in range(0, len(digests), 8)]
    for capacity, digest in enumerate(wanted, start=1):
        status, found = left(device, capacity)
        assert status == SMALL
        assert hashlib.sha256(found).hexdigest()[:8] == digest, f"{name}: a buffer of {capacity} bytes"


# TF-M t_cose_signature_sign1_main_cb: signed where it stands, then its head, then the head of the whole.
@pytest.mark.parametrize(
    ("missing", "head_of_signature", "status"), [(1, True, SMALL), (2, False, SMALL), (3, False, SMALL)]
)
def test_a_signature_may_be_left_without_heads(missing: int, head_of_signature: bool, status: int) -> None:
    device = start(BUILDS["cca Sign1"])
    size = RECORDED["cca Sign1"]["size"]
    token = InitialAttestation(device.ns).get_token(CHALLENGE[:SIZE])
    before = token[:1] + token[2 : size - 66]
    found_status, found = left(device, size - missing)
    assert found_status == status
    head = b"\x58\x40" if head_of_signature else b""
    assert found.startswith(before + head)
    signature = found[len(before + head) :][:64]
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    payload = take_apart(token).payload
    structure = b"\x84\x6aSignature1" + token[2:6] + b"\x40\x59" + len(payload).to_bytes(2, "big") + payload
    key = ec.derive_private_key(int.from_bytes(DUMMY.iak, "big"), ec.SECP256R1()).public_key()
    key.verify(encode_dss_signature(r, s), structure, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(InvalidSignature):
        key.verify(encode_dss_signature(r, s), structure + b"\0", ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("missing", "room_slip_status"), [(4, GENERIC), (67, GENERIC), (68, SMALL), (3, SMALL)]
)
def test_room_for_the_signature_alone(missing: int, room_slip_status: int) -> None:
    for slip, status in ((False, SMALL), (True, room_slip_status)):
        config = AttestationConfig(TokenVariant.CCA_2023, mm_iovec=True, tfm_2_2_signature_room_slip=slip)
        assert left(start(config), RECORDED["cca Sign1"]["size"] - missing)[0] == status


@pytest.mark.parametrize("mm_iovec", [False, True])
@pytest.mark.parametrize(("missing", "status"), [(3, GENERIC), (0, GENERIC), (68, SMALL)])
def test_a_key_that_cannot_sign_is_seen_before_the_last_heads(
    mm_iovec: bool, missing: int, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TF-M attest_token_encode_finish: the signature is made before the array around it is closed."""
    config = AttestationConfig(TokenVariant.CCA_2023, mm_iovec=mm_iovec)
    device = start(config)
    monkeypatch.setattr(
        "tfm_sim.partitions.initial_attestation.iak.psa_sign_message", lambda *_: (GENERIC, b"")
    )
    assert left(device, RECORDED["cca Sign1"]["size"] - missing)[0] == status


def test_a_claim_that_fails_leaves_no_head() -> None:
    device = start(BUILDS["cca Sign1"], hal=failing_hal("tfm_attest_hal_get_platform_config"))
    status, found = left(device, ROOM)
    assert status == GENERIC
    assert found.startswith(b"\xd2\x43\xa1\x01\x26\xa0\x0a\x58\x30")
