"""Tokens by profile, era and option: bytes and order."""

import hmac
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from support.partition_bench import PartitionBench, make_hal, start_partitions
from support.token_parts import CHALLENGE, NSPE, SPE, boot_status, load_recording, take_apart

from tfm_sim.interface.psa.initial_attestation import InitialAttestation
from tfm_sim.interface.psa.status import PsaError
from tfm_sim.interface.tfm.boot_status import BootStatusEntry, encode_area, tlv_type
from tfm_sim.partitions.initial_attestation.config import AttestationConfig, TokenVariant
from tfm_sim.platform.hal import PlatformHal
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.provisioning import DUMMY, DUMMY_IAK_ID, Provisioning, provisioned_otp

P1, RFC, CCA = TokenVariant.PSA_IOT_PROFILE_1, TokenVariant.RFC_9783, TokenVariant.CCA_2023
P1_2022, PSA_2, OLD_CCA = TokenVariant.PSA_IOT_PROFILE_1_2022, TokenVariant.PSA_2_0_0, TokenVariant.CCA_1_0_0
SYMMETRIC = replace(DUMMY, iak_type=IakType.HMAC, iak_id=DUMMY_IAK_ID)
NS_CLIENT = -0x3C000000
AREA = boot_status(SPE, NSPE)


class HashNamingHal(PlatformHal):
    """A platform whose build names the hash of its measurements."""

    def tfm_attest_hal_get_platform_hash_algo(self) -> bytes:
        return b"sha-256"


def start(
    config: AttestationConfig, area: bytes = AREA, provisioning: Provisioning = DUMMY
) -> PartitionBench:
    hal = make_hal(provisioned_otp(provisioning))
    hal.__class__ = HashNamingHal
    return start_partitions(config, boot_status=area, hal=hal)


def attestation(config: AttestationConfig, **options: Any) -> InitialAttestation:
    return InitialAttestation(start(config, **options).ns)


DERIVED = {
    v["name"]: v
    for v in load_recording("attestation-vectors.json")["vectors"]
    if v["name"].startswith("derived-")
}


@pytest.mark.parametrize(
    "name, config, provisioning",
    [
        ("derived-p2_268", AttestationConfig(RFC), DUMMY),
        ("derived-p1", AttestationConfig(P1), DUMMY),
        ("derived-p1_nosw", AttestationConfig(P1), DUMMY),
        ("derived-p1_mac", AttestationConfig(P1, symmetric=True), SYMMETRIC),
        ("derived-cca_plat", AttestationConfig(CCA), DUMMY),
    ],
)
def test_derived_vector(name: str, config: AttestationConfig, provisioning: Provisioning) -> None:
    expected = take_apart(bytes.fromhex(DERIVED[name]["token_hex"]))
    claims = expected.claims
    components = claims.get(-75006, claims.get(2399, []))
    area = boot_status(*(dict(component) for component in components))
    client = attestation(config, area=area, provisioning=provisioning)
    token = client.get_token(claims.get(-75008) or claims[10])
    found = take_apart(token)
    payload = expected.payload
    if config.symmetric:
        # The vector's maker kept the instance id of the asymmetric key.
        payload = payload.replace(claims[-75009], found.claims[-75009])
    assert found.payload == payload
    assert (found.tag, found.protected, found.unprotected) == (
        expected.tag,
        expected.protected,
        expected.unprotected,
    )
    assert len(token) == len(bytes.fromhex(DERIVED[name]["token_hex"]))


P1_KEYS = [-75008, -75004, -75009, -75003, -75001, -75002, -75006, -75000, -75010, -75005]
RFC_KEYS = [10, 268, 256, 2396, 2394, 2395, 2399, 265, 2400, 2398]
CCA_KEYS = [10, 256, 2396, 2395, 2399, 265, 2402, 2401, 2400]


@pytest.mark.parametrize(
    "config, keys, profile",
    [
        (AttestationConfig(P1), P1_KEYS, "PSA_IOT_PROFILE_1"),
        (AttestationConfig(P1, optional_claims=False), P1_KEYS[:-2], "PSA_IOT_PROFILE_1"),
        (AttestationConfig(RFC), RFC_KEYS, "tag:psacertified.org,2023:psa#tfm"),
        (AttestationConfig(RFC, optional_claims=False), RFC_KEYS[:-2], "tag:psacertified.org,2023:psa#tfm"),
        (AttestationConfig(CCA), CCA_KEYS, "tag:arm.com,2023:cca_platform#1.0.0"),
        (AttestationConfig(CCA, optional_claims=False), CCA_KEYS[:-1], "tag:arm.com,2023:cca_platform#1.0.0"),
        (
            AttestationConfig(PSA_2),
            [2397 if key == 268 else key for key in RFC_KEYS],
            "http://arm.com/psa/2.0.0",
        ),
        (AttestationConfig(OLD_CCA), CCA_KEYS, "http://arm.com/CCA-SSD/1.0.0"),
        (AttestationConfig(P1_2022), P1_KEYS, "PSA_IOT_PROFILE_1"),
    ],
)
def test_emission_order(config: AttestationConfig, keys: list[int], profile: str) -> None:
    claims = take_apart(attestation(config).get_token(CHALLENGE)).claims
    assert list(claims) == keys
    assert claims[-75000 if config.variant.has_legacy_labels else 265] == profile


INSTANCE_ID_COSE_KEY = "01078c18f110f432ff780cd8dae58069a2a0d82277cbc66450c8581dd47d96a22e"
INSTANCE_ID_POINT = "01fa58755f658627ce5460f29b75296713248cae7ad9e2984b90280efcbcb50248"
INSTANCE_ID_SYMMETRIC = "01bfe8a99b25d95ca842256bef147a5922b69fbc78faa9ef9f94113d182aaf7c6f"


@pytest.mark.parametrize(
    "config, provisioning, instance_id",
    [
        (AttestationConfig(RFC), DUMMY, INSTANCE_ID_COSE_KEY),
        (AttestationConfig(PSA_2), DUMMY, INSTANCE_ID_POINT),
        (AttestationConfig(RFC, symmetric=True), SYMMETRIC, INSTANCE_ID_SYMMETRIC),
        (AttestationConfig(PSA_2, symmetric=True), SYMMETRIC, INSTANCE_ID_SYMMETRIC),
    ],
)
def test_instance_id(config: AttestationConfig, provisioning: Provisioning, instance_id: str) -> None:
    token = attestation(config, provisioning=provisioning).get_token(CHALLENGE)
    assert take_apart(token).claims[256].hex() == instance_id


@pytest.mark.parametrize(
    "config, provisioning, header",
    [
        (AttestationConfig(cose_key_id=False), DUMMY, "d28443a10126a0"),
        (AttestationConfig(cose_key_id=True), DUMMY, "d28443a10126a1045820" + INSTANCE_ID_COSE_KEY[2:]),
        (
            AttestationConfig(P1_2022, cose_key_id=True),
            DUMMY,
            "d28443a10126a1045820" + INSTANCE_ID_COSE_KEY[2:],
        ),
        (
            AttestationConfig(symmetric=True, cose_key_id=True),
            SYMMETRIC,
            "d18443a10105a104581b" + DUMMY_IAK_ID.hex(),
        ),
        (
            AttestationConfig(symmetric=True, cose_key_id=True),
            replace(SYMMETRIC, iak_id=b""),
            "d18443a10105a0",
        ),
    ],
)
def test_headers_and_key_id(config: AttestationConfig, provisioning: Provisioning, header: str) -> None:
    """attestation.md 2.1, 2.3: an empty symmetric key id is left out."""
    client = attestation(config, provisioning=provisioning)
    token = client.get_token(CHALLENGE)
    assert token.hex().startswith(header + "59")
    assert len(token) == client.get_token_size(64)


def test_mac0_tag() -> None:
    token = attestation(AttestationConfig(symmetric=True), provisioning=SYMMETRIC).get_token(CHALLENGE)
    parts = take_apart(token)
    authenticated = cbor2.dumps(["MAC0", parts.protected, b"", parts.payload])
    assert parts.signature == hmac.digest(SYMMETRIC.iak, authenticated, "sha256")


@pytest.mark.parametrize("caller, claim", [("ns", NS_CLIENT), ("ns2", NS_CLIENT - 1), ("partition", 259)])
def test_client_id_is_the_direct_caller(caller: str, claim: int) -> None:
    device = start(AttestationConfig(RFC))
    client = {"ns": device.ns, "ns2": device.ns2}.get(caller)
    if client is None:
        crypto = device.kernel.partitions_by_id[259]
        crypto.dependencies |= {device.kernel.services_by_sid[0x20]}
        client = device.as_partition(259)
    assert take_apart(InitialAttestation(client).get_token(CHALLENGE)).claims[2394] == claim


def test_components_are_the_first_entry_of_each_module_if_it_is_a_boot_record() -> None:
    """TF-M attest_encode_sw_components_array: ascending modules below SW_MAX, spliced as stored."""
    odd = bytes.fromhex("a10163424c32")  # any bytes go in as they are

    def entry(module: int, claim: int, data: bytes) -> BootStatusEntry:
        return BootStatusEntry(tlv_type(1, module, claim), data)

    area = encode_area(
        [
            entry(7, 0x3F, odd),  # SW_MAX: not looked at
            entry(3, 0x00, b"1.2.3"),  # the first of module 3 is no boot record
            entry(3, 0x3F, odd),
            entry(2, 0x3F, odd),
            entry(2, 0x3F, cbor2.dumps(NSPE)),  # a second one does not count
            entry(0, 0x3F, cbor2.dumps(SPE)),
            BootStatusEntry(tlv_type(2, 1, 0x3F), cbor2.dumps(NSPE)),  # firmware update's
        ]
    )
    payload = take_apart(attestation(AttestationConfig(RFC), area=area).get_token(CHALLENGE)).payload
    assert bytes.fromhex("19095f82") + cbor2.dumps(SPE) + odd in payload


def test_python_layer_asks_for_the_size_when_the_usual_buffer_is_small() -> None:
    long = SPE | {4: "9" * 200}
    client = attestation(AttestationConfig(max_token_size=0x800), area=boot_status(long, NSPE))
    assert len(client.get_token(CHALLENGE)) == client.get_token_size(64) > 0x250
    with pytest.raises(PsaError, match="psa_initial_attest_get_token: PSA_ERROR_BUFFER_TOO_SMALL"):
        client.get_token(CHALLENGE, capacity=0x250)
    with pytest.raises(PsaError, match="psa_initial_attest_get_token_size: PSA_ERROR_INVALID_ARGUMENT"):
        client.get_token_size(33)
