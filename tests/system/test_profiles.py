"""TF-M's profiles: each boots, attests, does what it has, and refuses what it leaves out."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from support.command_line import CommandLine

from tfm_sim import Device
from tfm_sim.firmware_profiles import PROFILES, ProfileError, find_profile, profile
from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_aead_operation_t,
    psa_cipher_operation_t,
    psa_hash_operation_t,
    psa_key_derivation_operation_t,
    psa_pake_cipher_suite_t,
    psa_pake_operation_t,
)
from tfm_sim.interface.psa.firmware_update import psa_fwu_query
from tfm_sim.interface.psa.internal_trusted_storage import psa_its_get, psa_its_set
from tfm_sim.interface.psa.platform import tfm_platform_nv_counter_read
from tfm_sim.interface.psa.protected_storage import psa_ps_get, psa_ps_set
from tfm_sim.interface.psa.status import (
    PSA_ERROR_INSUFFICIENT_MEMORY,
    PSA_ERROR_NOT_PERMITTED,
    PSA_ERROR_NOT_SUPPORTED,
    PSA_ERROR_PROGRAMMER_ERROR,
    PSA_SUCCESS,
)
from tfm_sim.interface.tfm.platform import TfmPlatformErr
from tfm_sim.partitions.crypto.wants import EVERYTHING
from tfm_sim.platform.board import AreaRole, load_board
from tfm_sim.spm.config import Backend
from tfm_sim.tools.demo_firmware import flash_demo_firmware
from tfm_sim.tools.endorsements.iak import iak_verification_key
from tfm_sim.tools.verifier import load_key, verify

CHALLENGE = bytes(range(32))
SHA_256 = v.PSA_ALG_SHA_256
BOTH_WAYS = v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_DECRYPT
SIGNS = v.PSA_KEY_USAGE_SIGN_HASH
SECP_R1 = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)
NO_SUCH_SERVICE = PSA_ERROR_PROGRAMMER_ERROR
"""TF-M: a stateless handle that no service has."""


def booted(name: str) -> Device:
    device = Device(find_profile(name).board, build=profile(name))
    flash_demo_firmware(device)
    device.power_on()
    return device


@pytest.fixture(scope="module")
def devices() -> Iterator[dict[str, Device]]:
    made = {name: booted(name) for name in PROFILES}
    yield made
    for device in made.values():
        device.power_off()


@pytest.mark.parametrize("name", PROFILES)
def test_boots_and_attests(devices: dict[str, Device], name: str) -> None:
    device = devices[name]
    token = device.psa.initial_attestation.get_token(CHALLENGE)
    report = verify(token, load_key(iak_verification_key(device.hardware)), challenge=CHALLENGE)
    assert report.ok
    claims = {claim.key for claim in report.claims}
    assert (-75010 in claims) is (name == "large"), "ATTEST_INCLUDE_OPTIONAL_CLAIMS"


@pytest.mark.parametrize("name", PROFILES)
def test_stores_internally(devices: dict[str, Device], name: str) -> None:
    ns = devices[name].ns
    assert psa_its_set(ns, 7, b"x" * 512, 0) == PSA_SUCCESS
    assert psa_its_get(ns, 7, 0, 512) == (PSA_SUCCESS, b"x" * 512)


def key(ns: PsaClient, key_type: int, bits: int, usage: int, alg: int) -> int:
    """A new key of these attributes, which the profile has."""
    status, id_ = crypto.psa_generate_key(ns, KeyAttributes(key_type, bits, usage=usage, alg=alg))
    assert status == PSA_SUCCESS
    return id_


def made(ns: PsaClient, key_type: int, bits: int) -> int:
    """The status of generating a key of this type."""
    return crypto.psa_generate_key(ns, KeyAttributes(key_type, bits))[0]


def hashed(alg: int) -> Callable[[PsaClient], int]:
    def call(ns: PsaClient) -> int:
        operation = psa_hash_operation_t()
        status = crypto.psa_hash_setup(ns, operation, alg)
        assert crypto.psa_hash_abort(ns, operation) == PSA_SUCCESS
        return status

    return call


def sealed(alg: int, bits: int = 128) -> Callable[[PsaClient], int]:
    def call(ns: PsaClient) -> int:
        id_, operation = key(ns, v.PSA_KEY_TYPE_AES, bits, BOTH_WAYS, alg), psa_aead_operation_t()
        status = crypto.psa_aead_encrypt_setup(ns, operation, id_, alg)
        assert crypto.psa_aead_abort(ns, operation) == PSA_SUCCESS
        return status

    return call


def enciphered(alg: int) -> Callable[[PsaClient], int]:
    def call(ns: PsaClient) -> int:
        id_ = key(ns, v.PSA_KEY_TYPE_AES, 128, BOTH_WAYS, alg)
        operation = psa_cipher_operation_t()
        status = crypto.psa_cipher_encrypt_setup(ns, operation, id_, alg)
        if status == PSA_SUCCESS:
            assert crypto.psa_cipher_abort(ns, operation) == PSA_SUCCESS
        return status

    return call


def derived(alg: int) -> Callable[[PsaClient], int]:
    def call(ns: PsaClient) -> int:
        operation = psa_key_derivation_operation_t()
        status = crypto.psa_key_derivation_setup(ns, operation, alg)
        assert crypto.psa_key_derivation_abort(ns, operation) == PSA_SUCCESS
        return status

    return call


def signed(bits: int, alg: int) -> Callable[[PsaClient], int]:
    def call(ns: PsaClient) -> int:
        id_ = key(ns, SECP_R1, bits, SIGNS, alg)
        return crypto.psa_sign_hash(ns, id_, alg, bytes(32), 132)[0]

    return call


def maced(ns: PsaClient) -> int:
    alg = v.PSA_ALG_CMAC
    id_ = key(ns, v.PSA_KEY_TYPE_AES, 128, v.PSA_KEY_USAGE_SIGN_MESSAGE, alg)
    return crypto.psa_mac_compute(ns, id_, alg, b"", 16)[0]


def exchanged(ns: PsaClient) -> int:
    suite = psa_pake_cipher_suite_t(v.PSA_ALG_JPAKE(SHA_256), 0x01120100, 1)
    return crypto.psa_pake_setup(ns, psa_pake_operation_t(), 1, suite)


ECDSA = v.PSA_ALG_ECDSA(SHA_256)
DETERMINISTIC = v.PSA_ALG_DETERMINISTIC_ECDSA(SHA_256)
HKDF = v.PSA_ALG_HKDF(SHA_256)
OFF, ON = PSA_ERROR_NOT_SUPPORTED, PSA_SUCCESS


@pytest.mark.parametrize(
    "call, small, medium, large",
    [
        pytest.param(hashed(SHA_256), ON, ON, ON, id="SHA-256"),
        pytest.param(hashed(v.PSA_ALG_SHA_512), OFF, OFF, ON, id="SHA-512"),
        pytest.param(hashed(v.PSA_ALG_SHA_1), OFF, OFF, OFF, id="SHA-1"),
        pytest.param(hashed(v.PSA_ALG_SHA3_256), OFF, OFF, OFF, id="SHA3-256"),
        pytest.param(
            lambda ns: crypto.psa_hash_compute(ns, SHA_256, b"", 32)[0], OFF, ON, ON, id="single-part hash"
        ),
        pytest.param(sealed(v.PSA_ALG_CCM), ON, ON, ON, id="AES-128-CCM"),
        pytest.param(sealed(v.PSA_ALG_CCM, 256), OFF, OFF, ON, id="AES-256-CCM"),
        pytest.param(sealed(v.PSA_ALG_GCM), OFF, OFF, ON, id="GCM"),
        pytest.param(enciphered(v.PSA_ALG_CBC_PKCS7), OFF, OFF, ON, id="CBC"),
        pytest.param(enciphered(v.PSA_ALG_ECB_NO_PADDING), OFF, OFF, OFF, id="ECB"),
        pytest.param(maced, OFF, OFF, ON, id="CMAC"),
        pytest.param(derived(HKDF), OFF, ON, ON, id="HKDF"),
        pytest.param(derived(v.PSA_ALG_HKDF_EXTRACT(SHA_256)), OFF, OFF, OFF, id="HKDF-Extract"),
        pytest.param(derived(v.PSA_ALG_TLS12_PRF(SHA_256)), ON, ON, ON, id="TLS 1.2 PRF"),
        pytest.param(derived(v.PSA_ALG_SP800_108_COUNTER_CMAC), ON, ON, ON, id="SP 800-108"),
        pytest.param(derived(v.PSA_ALG_PBKDF2_HMAC(SHA_256)), OFF, OFF, ON, id="PBKDF2"),
        pytest.param(lambda ns: made(ns, SECP_R1, 256), OFF, ON, ON, id="P-256 key"),
        pytest.param(lambda ns: made(ns, SECP_R1, 384), OFF, OFF, ON, id="P-384 key"),
        pytest.param(lambda ns: made(ns, SECP_R1, 521), OFF, OFF, OFF, id="P-521 key"),
        pytest.param(lambda ns: made(ns, v.PSA_KEY_TYPE_RSA_KEY_PAIR, 1024), OFF, OFF, ON, id="RSA key"),
        pytest.param(lambda ns: made(ns, v.PSA_KEY_TYPE_CHACHA20, 256), OFF, OFF, OFF, id="ChaCha20 key"),
        pytest.param(exchanged, OFF, OFF, OFF, id="J-PAKE"),
        pytest.param(
            lambda ns: crypto.psa_key_derivation_verify_bytes(ns, psa_key_derivation_operation_t(1), b""),
            OFF,
            OFF,
            OFF,
            id="verify_bytes",
        ),
    ],
)
def test_algorithms(
    devices: dict[str, Device], call: Callable[[PsaClient], int], small: int, medium: int, large: int
) -> None:
    """TF-M crypto_config_profile_*.h and config_profile_*.h; what is out is NOT_SUPPORTED."""
    names = ("small", "medium", "medium_arotless", "large")
    assert [call(devices[name].ns) for name in names] == [small, medium, medium, large]


def test_signing(devices: dict[str, Device]) -> None:
    assert signed(256, ECDSA)(devices["medium"].ns) == ON
    assert signed(256, DETERMINISTIC)(devices["medium"].ns) == OFF
    assert signed(384, DETERMINISTIC)(devices["large"].ns) == ON
    # CRYPTO_ASYM_SIGN_MODULE_ENABLED 0: whatever the key.
    assert crypto.psa_sign_hash(devices["small"].ns, 1, ECDSA, bytes(32), 64)[0] == OFF
    assert crypto.psa_asymmetric_decrypt(devices["medium"].ns, 1, 0, b"", None, 1)[0] == OFF


@pytest.mark.parametrize("name, slots", [("small", 4), ("medium", 8), ("medium_arotless", 8), ("large", 8)])
def test_concurrent_operations(devices: dict[str, Device], name: str, slots: int) -> None:
    """CRYPTO_CONC_OPER_NUM."""
    ns, operations = devices[name].ns, [psa_hash_operation_t() for _ in range(slots + 1)]
    statuses = [crypto.psa_hash_setup(ns, operation, SHA_256) for operation in operations]
    assert statuses == [PSA_SUCCESS] * slots + [PSA_ERROR_NOT_PERMITTED]
    assert {crypto.psa_hash_abort(ns, operation) for operation in operations} == {PSA_SUCCESS}


def test_vectors_are_mapped_in_small(devices: dict[str, Device]) -> None:
    """PSA_FRAMEWORK_HAS_MM_IOVEC: no scratch buffer of CRYPTO_IOVEC_BUFFER_SIZE in between."""
    for name, status in (("small", PSA_SUCCESS), ("medium", PSA_ERROR_INSUFFICIENT_MEMORY)):
        with devices[name].psa.crypto.hash_operation(SHA_256) as hashing:
            found = crypto.psa_hash_update(devices[name].ns, hashing._operation, bytes(5121))
        assert found == status


@pytest.mark.parametrize("name", PROFILES)
def test_partitions(devices: dict[str, Device], name: str) -> None:
    ns = devices[name].ns
    has_ps = name in ("medium", "large")
    assert psa_ps_set(ns, 7, b"kept", 0) == (PSA_SUCCESS if has_ps else NO_SUCH_SERVICE)
    assert psa_ps_get(ns, 7, 0, 9) == ((PSA_SUCCESS, b"kept") if has_ps else (NO_SUCH_SERVICE, b""))
    # Index 3 is none that a non-secure client has; without the service there is nobody to say so.
    refusal = "SYSTEM_ERROR" if name == "small" else "INVALID_PARAM"
    error = TfmPlatformErr(tfm_platform_nv_counter_read(ns, 3)[0])
    assert error.name == f"TFM_PLATFORM_ERR_{refusal}"
    updates = PSA_SUCCESS if name == "medium_arotless" else NO_SUCH_SERVICE
    assert psa_fwu_query(ns, 0)[0] == updates


@pytest.mark.parametrize(
    "name, level, backend",
    [
        ("small", 1, Backend.SFN),
        ("medium", 2, Backend.IPC),
        ("medium_arotless", 1, Backend.SFN),
        ("large", 3, Backend.IPC),
    ],
)
def test_isolation_and_backend(name: str, level: int, backend: Backend) -> None:
    spm = PROFILES[name].spm
    assert (spm.isolation_level, spm.backend) == (level, backend)


@pytest.mark.parametrize("name", PROFILES)
def test_every_profile_has_less_than_the_model(name: str) -> None:
    wants = {want for want in PROFILES[name].crypto.wants if want.startswith("PSA_WANT")}
    assert wants < EVERYTHING


def test_names_and_boards() -> None:
    assert find_profile("profile_medium") is PROFILES["medium"]
    with pytest.raises(ProfileError, match="'huge'; legal: small, medium, medium_arotless, large"):
        profile("huge")
    board = load_board("an521")
    for role in (AreaRole.ITS, AreaRole.PS):
        areas = tuple(area for area in board.flash_areas if area.role is not role)
        without = replace(board, flash_areas=areas)
        with pytest.raises(ProfileError, match="profile large on board an521"):
            profile("large", without)
    # PS is what is missing last, and this profile has none.
    assert profile("medium_arotless", without).ps is None


def test_the_command_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    command = CommandLine(monkeypatch, capsys)
    assert command("run", "--tfm-profile", "small") == 0
    assert "-75010" not in command.out
    assert command("run", "--tfm-profile", "small", "--optional-claims") == 0
    assert "-75010" in command.out
    assert command("run", "--tfm-profile", "small", "--isolation", "2") != 0
    assert command("run", "--tfm-profile", "huge") == 2
