"""Every variant of the token: exact sizes, claims and strings, keys of every length, key ids."""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from support.attestation_bench import delivered_requests, naming_hal
from support.kernel_bench import in_the_name_of
from support.partition_bench import (
    ARENA_SIZE,
    SHARED_DATA,
    PartitionBench,
    make_hal,
    start_partitions,
)
from support.token_parts import CHALLENGE, NSPE, SPE, boot_status, load_recording, take_apart

from tfm_sim.interface.psa.initial_attestation import InitialAttestation, psa_initial_attest_get_token
from tfm_sim.interface.psa.status import PSA_ERROR_GENERIC_ERROR
from tfm_sim.interface.tfm.boot_status import BootStatusEntry, encode_area, tlv_type
from tfm_sim.interface.tfm.cose_key import encode_cose_key
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.otp import OtpLayout
from tfm_sim.platform.provisioning import DUMMY, DUMMY_IAK_ID, Provisioning, provisioned_otp
from tfm_sim.spm.door import PartitionDoor

P1, P1_2022, PSA_2, RFC, CCA_OLD, CCA = (v for v in TokenVariant if v is not TokenVariant.TFM_2019)
LATER = [P1, P1_2022, PSA_2, RFC, CCA_OLD, CCA]
SYMMETRIC = replace(DUMMY, iak_type=IakType.HMAC)
LONG_KEYS = CryptoConfig(builtin_max_key_length=96)


def start(
    config: AttestationConfig, components: Sequence[Mapping[int, object]] = (SPE, NSPE), **options: Any
) -> PartitionBench:
    provisioning = options.pop("provisioning", SYMMETRIC if config.symmetric else DUMMY)
    hal = naming_hal(provisioning)
    return start_partitions(config, boot_status=boot_status(*components), hal=hal, **options)


# ---- the table of exact sizes: two components, P-256, non-secure client -0x3c000000


@pytest.mark.parametrize("at", [0, 1, 2], ids=["32", "48", "64"])
@pytest.mark.parametrize(
    ("config", "sizes"),
    [
        (AttestationConfig(P1), (520, 536, 552)),
        (AttestationConfig(P1, optional_claims=False), (466, 482, 498)),
        (AttestationConfig(P1_2022), (520, 536, 552)),
        (AttestationConfig(P1_2022, optional_claims=False), (466, 482, 498)),
        (AttestationConfig(RFC), (515, 531, 547)),
        (AttestationConfig(RFC, optional_claims=False), (465, 481, 497)),
        (AttestationConfig(PSA_2), (506, 522, 538)),  # a string of 24 bytes for one of 33
        (AttestationConfig(PSA_2, optional_claims=False), (456, 472, 488)),
        (AttestationConfig(CCA), (468, 484, 500)),
        (AttestationConfig(CCA_OLD), (461, 477, 493)),  # 28 bytes for 35
        (AttestationConfig(P1, symmetric=True), (488, 504, 520)),
        (AttestationConfig(P1, cose_key_id=True), (555, 571, 587)),  # a1 04 58 20 and 32 bytes for a0
    ],
)
def test_exact_sizes(config: AttestationConfig, sizes: tuple[int, ...], at: int) -> None:
    service = InitialAttestation(start(config).ns)
    length = (32, 48, 64)[at]
    assert service.get_token_size(length) == sizes[at]
    assert len(service.get_token(CHALLENGE[:length], 0x250)) == sizes[at]


@pytest.mark.parametrize(("length", "size"), [(32, 335), (48, 351), (64, 367)])
@pytest.mark.parametrize("variant", [P1, P1_2022])
def test_exact_sizes_without_components(variant: TokenVariant, length: int, size: int) -> None:
    service = InitialAttestation(start(AttestationConfig(variant), ()).ns)
    assert service.get_token_size(length) == len(service.get_token(CHALLENGE[:length])) == size
    claims = take_apart(service.get_token(CHALLENGE)).claims
    assert claims[-75007] == 1
    assert -75006 not in claims


@pytest.mark.parametrize("variant", [PSA_2, RFC, CCA_OLD, CCA])
def test_without_components_there_is_no_token_of_a_later_profile(variant: TokenVariant) -> None:
    device = start(AttestationConfig(variant), ())
    assert psa_initial_attest_get_token(device.ns, bytes(32), 0x250)[0] == PSA_ERROR_GENERIC_ERROR


# ---- profiles


@pytest.mark.parametrize(
    ("variant", "label", "string"),
    [
        (P1, -75000, "PSA_IOT_PROFILE_1"),
        (P1_2022, -75000, "PSA_IOT_PROFILE_1"),
        (PSA_2, 265, "http://arm.com/psa/2.0.0"),
        (RFC, 265, "tag:psacertified.org,2023:psa#tfm"),
        (CCA_OLD, 265, "http://arm.com/CCA-SSD/1.0.0"),
        (CCA, 265, "tag:arm.com,2023:cca_platform#1.0.0"),
    ],
)
def test_profile_strings(variant: TokenVariant, label: int, string: str) -> None:
    token = InitialAttestation(start(AttestationConfig(variant)).ns).get_token(CHALLENGE)
    assert take_apart(token).claims[label] == string


@pytest.mark.parametrize(
    ("variant", "seed"), [(P1, -75004), (PSA_2, 2397), (RFC, 268), (CCA_OLD, None), (CCA, None)]
)
def test_where_the_boot_seed_is(variant: TokenVariant, seed: int | None) -> None:
    claims = take_apart(InitialAttestation(start(AttestationConfig(variant)).ns).get_token(CHALLENGE)).claims
    assert [label for label in (-75004, 2397, 268) if label in claims] == ([] if seed is None else [seed])


@pytest.mark.parametrize(
    ("variant", "order"),
    [
        (P1, [-75008, -75004, -75009, -75003, -75001, -75002, -75006, -75010, -75000, -75005]),
        (PSA_2, [10, 2397, 256, 2396, 2394, 2395, 2399, 2400, 265, 2398]),
        (CCA, [10, 256, 2396, 2395, 2399, 2400, 265, 2402, 2401]),
    ],
)
def test_order_of_tf_m_1_6(variant: TokenVariant, order: list[int]) -> None:
    config = AttestationConfig(variant, verification_service_first=True)
    claims = take_apart(InitialAttestation(start(config).ns).get_token(CHALLENGE)).claims
    assert list(claims) == order


def token_of_1_6(name: str, **options: Any) -> tuple[bytes, bytes]:
    """A token that TF-M 1.6 made, kept by Veraison's psatoken, and ours of the same boot records."""
    vectors = load_recording("attestation-vectors.json")["vectors"]
    recorded = bytes.fromhex(next(v for v in vectors if v["name"] == name)["token_hex"])
    claims = take_apart(recorded).claims
    records = [
        BootStatusEntry(tlv_type(1, module, 0x3F), cbor2.dumps(record))
        for module, record in enumerate(claims[2399])
    ]
    config = AttestationConfig(PSA_2, verification_service_first=True, **options)
    provisioning = SYMMETRIC if config.symmetric else DUMMY
    device = start_partitions(config, boot_status=encode_area(records), provisioning=provisioning)
    tester = in_the_name_of(device.kernel, 259)
    tester.client_id = claims[2394]
    tester.dependencies = frozenset({device.kernel.services_by_sid[0x20]})
    caller = PartitionDoor(device.kernel, tester, device.hal, SHARED_DATA + 0x60000, ARENA_SIZE)
    status, token = psa_initial_attest_get_token(caller, claims[10], 0x400)
    assert status == 0
    return token, recorded


def test_a_token_of_tf_m_1_6_is_the_same_but_for_its_signature() -> None:
    token, recorded = token_of_1_6("psatoken-tfm-p2-sign1")
    assert token[:-64].hex() == recorded[:-64].hex()


def test_a_token_of_tf_m_1_6_without_a_key_is_the_same_byte_for_byte() -> None:
    """Its challenge is the option word for a short circuit: the tag is a plain hash."""
    token, recorded = token_of_1_6(
        "psatoken-tfm-p2-mac0-shortcircuit", symmetric=True, include_test_code=True
    )
    assert token.hex() == recorded.hex()


# ---- keys

P256 = DUMMY.iak
P384, P521 = bytes([7]) * 48, b"\0" + bytes([7]) * 65
CURVES = {32: ec.SECP256R1(), 48: ec.SECP384R1(), 66: ec.SECP521R1()}


def with_key(config: AttestationConfig, key: bytes, kind: IakType = IakType.SECP_R1) -> PartitionBench:
    otp = provisioned_otp(replace(DUMMY, iak=key, iak_type=kind), OtpLayout(iak_size=66))
    return start_partitions(config, LONG_KEYS, boot_status(SPE, NSPE), hal=make_hal(otp))


@pytest.mark.parametrize(
    ("key", "header", "hash_", "length"),
    [
        (P256, "43a10126", hashes.SHA256(), 64),
        (P384, "44a1013822", hashes.SHA384(), 96),
        (P521, "44a1013823", hashes.SHA512(), 132),
    ],
    ids=["P-256", "P-384", "P-521"],
)
@pytest.mark.parametrize("variant", [P1, P1_2022, RFC])
def test_sign1(
    variant: TokenVariant, key: bytes, header: str, hash_: hashes.HashAlgorithm, length: int
) -> None:
    service = InitialAttestation(with_key(AttestationConfig(variant, max_token_size=0x800), key).ns)
    token = service.get_token(CHALLENGE, 0x800)
    parts = take_apart(token)
    assert token.hex().startswith(f"d284{header}a059")
    assert (len(token), len(parts.signature)) == (service.get_token_size(64), length)
    public = ec.derive_private_key(int.from_bytes(key, "big"), CURVES[len(key)]).public_key()
    signed = cbor2.dumps(["Signature1", parts.protected, b"", parts.payload])
    r, s = (
        int.from_bytes(half, "big")
        for half in (parts.signature[: length // 2], parts.signature[length // 2 :])
    )
    public.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hash_))


@pytest.mark.parametrize(
    ("key", "kind", "header", "hash_"),
    [
        (bytes(range(32)), IakType.HMAC, "43a10105", "sha256"),
        (bytes(range(48)), IakType.HMAC_384, "43a10106", "sha384"),
        (bytes(range(64)), IakType.HMAC_512, "43a10107", "sha512"),
    ],
)
def test_mac0(key: bytes, kind: IakType, header: str, hash_: str) -> None:
    device = with_key(AttestationConfig(RFC, symmetric=True, max_token_size=0x800), key, kind)
    service = InitialAttestation(device.ns)
    token = service.get_token(CHALLENGE, 0x800)
    parts = take_apart(token)
    assert token.hex().startswith(f"d184{header}a059")
    assert len(token) == service.get_token_size(64)
    authenticated = cbor2.dumps(["MAC0", parts.protected, b"", parts.payload])
    assert parts.signature == hmac.digest(key, authenticated, hash_)


@pytest.mark.parametrize("key", [P384, P521], ids=["P-384", "P-521"])
def test_instance_and_key_id_of_longer_keys(key: bytes) -> None:
    numbers = (
        ec.derive_private_key(int.from_bytes(key, "big"), CURVES[len(key)]).public_key().public_numbers()
    )
    point = b"\4" + numbers.x.to_bytes(len(key), "big") + numbers.y.to_bytes(len(key), "big")
    assert len(encode_cose_key(point)) == {48: 107, 66: 143}[len(key)]
    hash_ = hashes.Hash(hashes.SHA256())
    hash_.update(encode_cose_key(point))
    digest = hash_.finalize()
    token = InitialAttestation(
        with_key(AttestationConfig(RFC, cose_key_id=True, max_token_size=0x800), key).ns
    ).get_token(CHALLENGE, 0x800)
    assert take_apart(token).claims[256] == b"\1" + digest
    assert take_apart(token).unprotected == {4: digest}


def test_p_521_as_tf_m_has_it() -> None:
    device = with_key(AttestationConfig(RFC, max_token_size=0x800, p_521_key_refused=True), P521)
    assert psa_initial_attest_get_token(device.ns, bytes(32), 0x800)[0] == PSA_ERROR_GENERIC_ERROR
    others = with_key(AttestationConfig(RFC, max_token_size=0x800, p_521_key_refused=True), P384)
    assert psa_initial_attest_get_token(others.ns, bytes(32), 0x800)[0] == 0


@pytest.mark.parametrize(
    ("provisioning", "symmetric", "unprotected"),
    [
        (DUMMY, False, 32),
        (replace(SYMMETRIC, iak_id=DUMMY_IAK_ID), True, DUMMY_IAK_ID),
        (replace(SYMMETRIC, iak_id=b"k" * 32), True, b"k" * 32),
        (replace(SYMMETRIC, iak_id=b""), True, None),
    ],
)
@pytest.mark.parametrize("variant", LATER)
def test_key_id(
    variant: TokenVariant, provisioning: Provisioning, symmetric: bool, unprotected: object
) -> None:
    for key_id in (True, False):
        config = AttestationConfig(variant, cose_key_id=key_id, symmetric=symmetric, max_token_size=0x800)
        parts = take_apart(
            InitialAttestation(start(config, provisioning=provisioning).ns).get_token(CHALLENGE, 0x800)
        )
        if not key_id or unprotected is None:
            assert parts.unprotected == {}
        elif unprotected == 32:
            assert len(parts.unprotected[4]) == 32
        else:
            assert parts.unprotected == {4: unprotected}


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("variant", LATER)
def test_a_size_query_uses_no_private_key(variant: TokenVariant, symmetric: bool) -> None:
    """Seen in what the crypto service is asked for; the token right after it does use the key."""
    device = start(AttestationConfig(variant, symmetric=symmetric))
    service = InitialAttestation(device.ns)
    with delivered_requests(device.kernel) as requests:
        size = service.get_token_size(32)
    assert not [name for name in requests if name.startswith(("psa_sign", "psa_mac"))]
    with delivered_requests(device.kernel) as requests:
        assert len(service.get_token(bytes(32))) == size
    assert [name for name in requests if name.startswith(("psa_sign_message", "psa_mac_sign"))]
