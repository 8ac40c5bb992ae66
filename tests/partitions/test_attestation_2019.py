"""The attestation service of April 2019 (the integration guide of that time; attestation_core, t_cose)."""

import hashlib
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from support.attestation_bench import delivered_requests, failing_hal
from support.partition_bench import NS_RAM, SHARED_DATA, PartitionBench, make_hal, start_partitions
from support.token_parts import CHALLENGE, take_apart

from tfm_sim.interface.psa.client import PsaClient, psa_outvec
from tfm_sim.interface.psa.initial_attestation import InitialAttestation
from tfm_sim.interface.psa.initial_attestation_2019 import (
    AttestError,
    InitialAttestation2019,
    PsaAttestErr,
    psa_initial_attest_get_token,
    psa_initial_attest_get_token_size,
)
from tfm_sim.interface.tfm.attestation import TFM_ATTEST_GET_TOKEN_SIZE, TFM_ATTEST_GET_TOKEN_VENEER
from tfm_sim.interface.tfm.boot_status import BootStatusEntry, BootStatusEra, encode_area
from tfm_sim.interface.tfm.services import TFM_ATTESTATION_SERVICE_HANDLE
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, SignatureOf2019, TokenVariant
from tfm_sim.platform.provisioning import DUMMY, DUMMY_2019, provisioned_otp
from tfm_sim.spm.config import SpmConfig

DOC, AS_CODED, ES256 = SignatureOf2019
KID = "afc587e15d2cf0732c218efccede5c79fe590da34b887fbab51c369173cff61b"
INSTANCE_ID = "01f40c8fbf12db782afdf475966a068236e032ab80d1b7f1bc9fe7d87a88cb26d0"
ERA = BootStatusEra.TFM_2019_02
SPE = [(3, b"SPE"), (0, b"1.2.3"), (2, bytes(4)), (8, b"v" * 32), (9, b"SHA256"), (1, b"s" * 32)]
FLASH = 0x10080000


def start(
    general: tuple[tuple[int, bytes], ...] = (), crypto: CryptoConfig | None = None, **options: Any
) -> PartitionBench:
    """A device whose boot loader told of itself what ``general`` says, and of module SPE all there is."""
    entries = [*general, *((4 << 6 | claim, data) for claim, data in SPE)]
    area = encode_area([BootStatusEntry(0x1000 | minor, data) for minor, data in entries], ERA)
    hal = options.pop("hal", None) or make_hal(provisioned_otp(options.pop("provisioning", DUMMY_2019)))
    config = AttestationConfig(TokenVariant.TFM_2019, **options)
    return start_partitions(config, crypto, area, hal=hal, spm=SpmConfig(boot_status=ERA))


def claims(device: PartitionBench, challenge: bytes = CHALLENGE[:32]) -> dict[int, Any]:
    return take_apart(InitialAttestation2019(device.ns).get_token(challenge)).claims


def test_claims_and_their_order() -> None:
    found = claims(start())
    assert list(found.items()) == [
        (-75008, CHALLENGE[:32]),
        (-75004, bytes(range(0xA0, 0xC0))),
        (-75010, "www.trustedfirmware.org"),
        (-75000, "psa-tfm-profile-1.md"),
        (-75009, bytes.fromhex(INSTANCE_ID)),
        (-75005, "060456527282910010"),
        (-75003, b"\xaa" * 8 + b"\xbb" * 8 + b"\xcc" * 8 + b"\xdd" * 8),
        (-75001, -0x3C000000),
        (-75002, 0x3000),
        (-75006, [{1: "SPE", 4: "1.2.3", 3: 0, 2: b"v" * 32, 6: "SHA256", 5: b"s" * 32}]),
    ]
    assert list(found[-75006][0]) == [1, 4, 3, 2, 6, 5]


def test_optional_claims_can_be_left_out() -> None:
    found = claims(start(optional_claims=False))
    assert list(found) == [-75008, -75004, -75009, -75003, -75001, -75002, -75006]


@pytest.mark.parametrize(
    ("claim", "data", "label", "value"),
    [
        (0, b"b" * 32, -75004, b"b" * 32),
        (1, b"123456789012345678", -75005, "123456789012345678"),
        (2, b"\0\x20", -75002, 0x2000),
    ],
)
def test_the_boot_loader_goes_before_the_platform(claim: int, data: bytes, label: int, value: object) -> None:
    assert claims(start(general=((claim, data),)))[label] == value


def test_headers_have_a_key_id_always() -> None:
    token = InitialAttestation2019(start().ns).get_token(CHALLENGE)
    assert token.hex().startswith(f"d28443a10126a1045820{KID}59")


def sig_structure(token: bytes) -> bytes:
    """RFC 8152, 4.4."""
    parts = take_apart(token)
    return cbor2.dumps(["Signature1", parts.protected, b"", parts.payload])


@pytest.mark.parametrize(("signature", "times"), [(DOC, 2), (AS_CODED, 1)])
def test_the_fake_signature_in_both_readings(signature: SignatureOf2019, times: int) -> None:
    service = InitialAttestation2019(start(signature_of_2019=signature).ns)
    token = service.get_token(CHALLENGE)
    assert take_apart(token).signature == hashlib.sha256(sig_structure(token)).digest() * times
    assert service.get_token_size(64) == len(token)


def test_what_was_hashed_in_april() -> None:
    """Array of five, sign_protected, no external_aad, and the payload without the head of its string."""
    service = InitialAttestation2019(start(sig_structure_of_april_2019=True).ns)
    parts = take_apart(service.get_token(CHALLENGE))
    hashed = b"\x85\x6aSignature1\x43\xa1\x01\x26\x40" + parts.payload
    assert parts.signature == hashlib.sha256(hashed).digest() * 2


@pytest.mark.parametrize("april", [False, True])
def test_the_signature_of_may_is_one(april: bool) -> None:
    device = start(signature_of_2019=ES256, sig_structure_of_april_2019=april)
    token = InitialAttestation2019(device.ns).get_token(CHALLENGE)
    parts = take_apart(token)
    signed = b"\x85\x6aSignature1\x43\xa1\x01\x26\x40" + parts.payload if april else sig_structure(token)
    key = ec.derive_private_key(int.from_bytes(DUMMY_2019.iak, "big"), ec.SECP256R1()).public_key()
    r, s = (int.from_bytes(half, "big") for half in (parts.signature[:32], parts.signature[32:]))
    key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))


IMPORTS = {DOC: 2, AS_CODED: 2, ES256: 1}


@pytest.mark.parametrize("signature", SignatureOf2019)
@pytest.mark.parametrize("query", [False, True])
def test_the_key_is_in_the_crypto_service_for_one_signature(signature: SignatureOf2019, query: bool) -> None:
    """Imported, used, destroyed; until 24 June 2019 for a size query as well."""
    device = start(signature_of_2019=signature)
    service = InitialAttestation2019(device.ns)
    with delivered_requests(device.kernel) as requests:
        service.get_token_size(32) if query else service.get_token(CHALLENGE, 0x300)
    names = [name.split("(")[0] for name in requests]
    keys = [name for name in names if name in ("psa_import_key", "psa_sign_hash", "psa_destroy_key")]
    signed = ["psa_sign_hash"] if signature is ES256 else []
    count = IMPORTS[signature]
    assert keys == ["psa_import_key"] * count + signed + ["psa_destroy_key"] * count
    assert not any("0x7fff" in name for name in requests), "no builtin key"


def test_nobody_is_left_with_a_key_after_a_failure() -> None:
    device = start(signature_of_2019=ES256, crypto=CryptoConfig(asym_sign_module=False))
    service = InitialAttestation2019(device.ns)
    with delivered_requests(device.kernel) as requests:
        for _ in range(2):
            with pytest.raises(AttestError) as refused:
                service.get_token(CHALLENGE, 0x300)
            assert refused.value.error is PsaAttestErr.GENERAL
    assert sum(name.startswith("psa_destroy_key") for name in requests) == 2


def test_a_token_that_does_not_fit_is_signed_all_the_same() -> None:
    device = start(signature_of_2019=ES256)
    with delivered_requests(device.kernel) as requests:
        assert by_buffers(device.ns, 32, 100)[0] is PsaAttestErr.TOKEN_BUFFER_OVERFLOW
    assert sum(name.startswith("psa_sign_hash") for name in requests) == 1
    broken = start(signature_of_2019=ES256, crypto=CryptoConfig(asym_sign_module=False))
    assert by_buffers(broken.ns, 32, 100)[0] is PsaAttestErr.GENERAL


def by_buffers(client: PsaClient, challenge_size: int, token_size: int) -> tuple[PsaAttestErr, int]:
    challenge, token = bytes(challenge_size), bytearray(token_size)
    return psa_initial_attest_get_token(client, challenge, challenge_size, token, token_size)


def by_addresses(client: PsaClient, challenge_size: int, token_size: int) -> tuple[PsaAttestErr, int]:
    return psa_initial_attest_get_token(client, NS_RAM + 0x8000, challenge_size, NS_RAM + 0x8100, token_size)


WHOLE = 465
"""Bytes of the token over a challenge of 32 bytes."""


@pytest.mark.parametrize("call", [by_buffers, by_addresses])
@pytest.mark.parametrize(
    ("challenge_size", "token_size", "error", "after"),
    [
        (32, 0x200, PsaAttestErr.SUCCESS, WHOLE),
        (32, WHOLE, PsaAttestErr.SUCCESS, WHOLE),
        (48, 0x200, PsaAttestErr.SUCCESS, WHOLE + 16),
        (64, WHOLE + 32, PsaAttestErr.SUCCESS, WHOLE + 32),
        (32, WHOLE - 1, PsaAttestErr.TOKEN_BUFFER_OVERFLOW, WHOLE - 1),
        (32, 1, PsaAttestErr.TOKEN_BUFFER_OVERFLOW, 1),
        (32, 0, PsaAttestErr.INVALID_INPUT, 0),
        *((size, 0x200, PsaAttestErr.INVALID_INPUT, 0x200) for size in (0, 1, 31, 33, 36, 47, 63, 65, 100)),
    ],
)
def test_errors_and_the_size_that_goes_in_and_comes_out(
    call: Any, challenge_size: int, token_size: int, error: PsaAttestErr, after: int
) -> None:
    assert call(start().ns, challenge_size, token_size) == (error, after)


@pytest.mark.parametrize(
    ("challenge", "challenge_size", "token", "token_size"),
    [
        (0, 32, NS_RAM, 0x200),  # no challenge
        (NS_RAM, 32, 0, 0x200),  # no token
        (NS_RAM, 32, SHARED_DATA + 0x70000, 0x200),  # of the secure side
        (SHARED_DATA + 0x70000, 32, NS_RAM, 0x200),
        (NS_RAM + 0x1FFF0, 32, NS_RAM, 0x200),  # over the end of memory
        (NS_RAM, 32, NS_RAM + 0x1FFFF, 0x200),
        (0xFFFFFFF0, 32, NS_RAM, 0x200),  # over the end of all
        (NS_RAM, 32, 0x50000000, 0x200),  # nothing is there
    ],
)
def test_memory_that_is_not_the_callers(
    challenge: int, challenge_size: int, token: int, token_size: int
) -> None:
    device = start()
    found = psa_initial_attest_get_token(device.ns, challenge, challenge_size, token, token_size)
    assert found == (PsaAttestErr.INVALID_INPUT, token_size)


@pytest.mark.parametrize(
    ("challenge", "size", "token", "room", "checked"),
    [
        (0, 31, 0, 0, []),  # the size of the challenge comes first
        (0, 32, 0, 0, [(0, 32, 1)]),  # then the challenge, read only
        (NS_RAM, 32, 0, 0, [(NS_RAM, 32, 1), (0, 0, 2)]),  # then the token, to be written
    ],
)
def test_order_of_the_checks(
    challenge: int, size: int, token: int, room: int, checked: list[tuple[int, int, int]]
) -> None:
    device = start()
    seen: list[tuple[int, int, int]] = []

    def listen(event: Any) -> None:
        if getattr(event, "call", "") == "tfm_core_memory_permission_check" and hasattr(event, "arguments"):
            seen.append(event.arguments[1:])

    device.kernel.trace.listeners.append(listen)
    error, _ = psa_initial_attest_get_token(device.ns, challenge, size, token, room)
    assert (error, seen) == (PsaAttestErr.INVALID_INPUT, checked)


def test_a_token_by_address_lies_where_it_was_asked_for() -> None:
    device = start()
    device.ns.cpu.store(NS_RAM + 0x8000, CHALLENGE)  # type: ignore[attr-defined]
    error, size = psa_initial_attest_get_token(device.ns, NS_RAM + 0x8000, 64, NS_RAM + 0x8100, 0x300)
    token = device.ns.cpu.load(NS_RAM + 0x8100, size)  # type: ignore[attr-defined]
    assert (error, token) == (PsaAttestErr.SUCCESS, InitialAttestation2019(device.ns).get_token(CHALLENGE))


def test_a_failed_call_by_address_leaves_what_there_was_of_a_token() -> None:
    device = start()
    error, _ = psa_initial_attest_get_token(device.ns, NS_RAM + 0x8000, 32, NS_RAM + 0x8100, 100)
    left = device.ns.cpu.load(NS_RAM + 0x8100, 100)  # type: ignore[attr-defined]
    # Tag, protected and unprotected header, nonce; the seed does not fit behind its label and its length.
    head = bytes.fromhex(f"d243a10126a1045820{KID}3a000124ff5820{bytes(32).hex()}3a000124fb5820")
    assert (error, left) == (PsaAttestErr.TOKEN_BUFFER_OVERFLOW, head.ljust(100, b"\0"))


def test_a_partition_is_told_apart_and_gets_errors_and_no_panic() -> None:
    device = start()
    crypto = device.kernel.partitions_by_id[259]
    crypto.dependencies |= {device.kernel.services_by_sid[0x20]}
    client = device.as_partition(259)
    assert take_apart(InitialAttestation2019(client).get_token(CHALLENGE)).claims[-75001] == 259
    assert psa_initial_attest_get_token(client, 0, 32, 0, 512) == (PsaAttestErr.INVALID_INPUT, 512)


@pytest.mark.parametrize(
    ("size", "before", "answer"),
    [
        (32, 7, (PsaAttestErr.SUCCESS, WHOLE)),
        (64, 7, (PsaAttestErr.SUCCESS, WHOLE + 32)),
        (0, 7, (PsaAttestErr.INVALID_INPUT, 7)),
        (36, 7, (PsaAttestErr.INVALID_INPUT, 7)),
        (0xFFFFFFFF, 7, (PsaAttestErr.INVALID_INPUT, 7)),
    ],
)
def test_size_call(size: int, before: int, answer: tuple[PsaAttestErr, int]) -> None:
    assert psa_initial_attest_get_token_size(start().ns, size, before) == answer


@pytest.mark.parametrize(
    ("in_size", "out_size", "error"),
    [(4, 4, 0), (4, 8, 0), (8, 4, 0), (4, 3, 4), (3, 4, 4), (4, 0, 4), (0, 4, 4)],
)
def test_room_for_the_size(in_size: int, out_size: int, error: int) -> None:
    request = (32).to_bytes(4, "little").ljust(in_size, b"\0")[:in_size]
    found = start().ns.psa_call(
        TFM_ATTESTATION_SERVICE_HANDLE,
        TFM_ATTEST_GET_TOKEN_SIZE,
        [request],
        [psa_outvec(bytearray(out_size))],
    )
    assert found == error


@pytest.mark.parametrize(
    ("ins", "out_size"), [([], 8), ([bytes(8)], 8), ([bytes(7), bytes(8)], 8), ([bytes(8), bytes(8)], 7)]
)
def test_a_veneer_without_its_vectors(ins: list[bytes], out_size: int) -> None:
    out = psa_outvec(bytearray(out_size))
    status = start().ns.psa_call(
        TFM_ATTESTATION_SERVICE_HANDLE, TFM_ATTEST_GET_TOKEN_VENEER, list(ins), [out]
    )
    assert status == PsaAttestErr.INVALID_INPUT


def test_another_type_is_not_supported() -> None:
    assert start().ns.psa_call(TFM_ATTESTATION_SERVICE_HANDLE, 1003) == -134
    assert start_partitions().ns.psa_call(TFM_ATTESTATION_SERVICE_HANDLE, TFM_ATTEST_GET_TOKEN_VENEER) == -134


@pytest.mark.parametrize(
    ("function", "error"),
    [
        ("tfm_plat_get_boot_seed", PsaAttestErr.CLAIM_UNAVAILABLE),
        ("tfm_plat_get_instance_id", PsaAttestErr.CLAIM_UNAVAILABLE),
        ("tfm_plat_get_hw_version", PsaAttestErr.CLAIM_UNAVAILABLE),
        ("tfm_plat_get_implementation_id", PsaAttestErr.CLAIM_UNAVAILABLE),
        ("tfm_plat_get_initial_attest_key", PsaAttestErr.GENERAL),
    ],
)
def test_a_platform_that_does_not_give(function: str, error: PsaAttestErr) -> None:
    device = start(hal=failing_hal(function, DUMMY_2019))
    assert by_buffers(device.ns, 32, 0x200) == (error, 0x200)
    assert psa_initial_attest_get_token_size(device.ns, 32, 7) == (error, 7)


@pytest.mark.parametrize(
    ("function", "label"),
    [("tfm_attest_hal_get_verification_service", -75010), ("tfm_attest_hal_get_profile_definition", -75000)],
)
def test_a_text_that_the_platform_lacks_is_left_out(function: str, label: int) -> None:
    assert label not in claims(start(hal=failing_hal(function, DUMMY_2019)))


def test_a_hardware_version_of_today_is_too_long() -> None:
    """HW_VERSION_MAX_SIZE was 18; "0604565272829-10010" has 19 characters."""
    assert by_buffers(start(provisioning=DUMMY).ns, 32, 0x200)[0] is PsaAttestErr.CLAIM_UNAVAILABLE


@pytest.mark.parametrize("iak", [b"", b"\1" * 31, bytes(32)])
def test_a_key_that_is_none(iak: bytes) -> None:
    device = start(provisioning=replace(DUMMY_2019, iak=iak))
    assert by_buffers(device.ns, 32, 0x200)[0] is PsaAttestErr.GENERAL


def test_the_api_of_today_works_and_tells_the_error() -> None:
    service = InitialAttestation(start().ns)
    assert len(service.get_token(CHALLENGE[:32])) == service.get_token_size(32) == WHOLE
    with pytest.raises(AttestError, match="psa_initial_attest_get_token: PSA_ATTEST_ERR_INVALID_INPUT"):
        service.get_token(bytes(33))
    with pytest.raises(AttestError, match="_OVERFLOW"):
        service.get_token(bytes(32), 100)


def test_a_service_that_is_not_there_is_a_general_error() -> None:
    class Refusing:
        def psa_call(self, *_: object) -> int:
            return -130

    client: Any = Refusing()
    assert by_buffers(client, 32, 100) == (PsaAttestErr.GENERAL, 100)


def test_one_of_each_kind_is_no_call() -> None:
    with pytest.raises(TypeError, match="legal: two of a kind"):
        psa_initial_attest_get_token(start().ns, bytes(32), 32, NS_RAM, 512)
    with pytest.raises(ValueError, match="challenge_size 33 over a buffer of 32 bytes"):
        psa_initial_attest_get_token(start().ns, bytes(32), 33, bytearray(512), 512)


def test_only_a_build_of_2019_may_have_the_key() -> None:
    assert AttestationConfig().hal_functions == ()
    assert "tfm_plat_get_initial_attest_key" in AttestationConfig(TokenVariant.TFM_2019).hal_functions
