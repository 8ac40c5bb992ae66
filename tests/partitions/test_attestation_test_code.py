"""ATTEST_INCLUDE_TEST_CODE: tokens without claims or signature, asked for by the challenge."""

import hashlib
from dataclasses import replace
from typing import Any

import cbor2
import pytest
from support.attestation_bench import delivered_requests
from support.partition_bench import PartitionBench, make_hal, start_partitions
from support.token_parts import NSPE, SPE, TokenParts, boot_status, take_apart

from tfm_sim.interface.psa.initial_attestation import (
    psa_initial_attest_get_token,
    psa_initial_attest_get_token_size,
)
from tfm_sim.interface.psa.initial_attestation_2019 import InitialAttestation2019, PsaAttestErr
from tfm_sim.interface.psa.status import PSA_ERROR_INVALID_ARGUMENT
from tfm_sim.interface.tfm.boot_status import BootStatusEra
from tfm_sim.partitions.crypto.config import CryptoConfig
from tfm_sim.partitions.initial_attestation.config import (
    AttestationConfig,
    OptionTransport,
    SignatureOf2019,
    TokenVariant,
)
from tfm_sim.partitions.initial_attestation.option_word import TokenOption, take_options
from tfm_sim.platform.iak_type import IakType
from tfm_sim.platform.otp import OtpLayout
from tfm_sim.platform.provisioning import DUMMY, DUMMY_2019, Provisioning, provisioned_otp

SHORT_CIRCUIT_KID = "ef954b4bd9bdf670d0336082f5ef152af8f35b6a6c00efa6a9a71f49517e18c6"
SHORT, OMIT = 0x80000000, 0x40000000
LATER = [v for v in TokenVariant if v is not TokenVariant.TFM_2019]


def word(value: int, size: int = 64) -> bytes:
    """A challenge that carries an option word: first of 64 bytes, or last of 36."""
    data = value.to_bytes(4, "little")
    return data.ljust(64, b"\0") if size == 64 else bytes(32) + data


def start(config: AttestationConfig, values: Provisioning = DUMMY, size: int = 66) -> PartitionBench:
    otp = provisioned_otp(values, OtpLayout(iak_size=size))
    crypto = CryptoConfig(builtin_max_key_length=96)
    config = replace(config, boot_status=BootStatusEra.TODAY)
    return start_partitions(config, crypto, boot_status(SPE, NSPE), hal=make_hal(otp))


def token(config: AttestationConfig, challenge: bytes, values: Provisioning = DUMMY) -> TokenParts:
    status, made = psa_initial_attest_get_token(start(config, values).ns, challenge, 0x800)
    assert status == 0
    return take_apart(made)


def later(variant: TokenVariant = TokenVariant.RFC_9783, **options: Any) -> AttestationConfig:
    return AttestationConfig(variant, include_test_code=True, max_token_size=0x800, **options)


def to_be_signed(parts: TokenParts, context: str = "Signature1") -> bytes:
    return cbor2.dumps([context, parts.protected, b"", parts.payload])


@pytest.mark.parametrize("kid", [False, True])
@pytest.mark.parametrize("variant", LATER)
def test_short_circuit(variant: TokenVariant, kid: bool) -> None:
    parts = token(later(variant, cose_key_id=kid), word(SHORT))
    assert parts.signature == hashlib.sha256(to_be_signed(parts)).digest() * 2
    assert parts.unprotected == {4: bytes.fromhex(SHORT_CIRCUIT_KID)}
    assert len(parts.claims) > 5
    assert word(SHORT) in parts.claims.values(), "all 64 bytes stay in the nonce"


def test_short_circuit_of_a_mac() -> None:
    values = replace(DUMMY, iak_type=IakType.HMAC)
    parts = token(later(symmetric=True, cose_key_id=True), word(SHORT), values)
    assert parts.tag == 17
    assert parts.signature == hashlib.sha256(to_be_signed(parts, "MAC0")).digest()
    assert parts.unprotected == {}


def test_short_circuit_needs_no_signature_of_the_crypto_service() -> None:
    device = start(later())
    with delivered_requests(device.kernel) as requests:
        assert psa_initial_attest_get_token(device.ns, word(SHORT), 0x800)[0] == 0
    assert not [name for name in requests if name.startswith("psa_sign")]


@pytest.mark.parametrize("variant", LATER)
def test_omitted_claims(variant: TokenVariant) -> None:
    parts = token(later(variant), word(OMIT))
    label = -75008 if variant.has_legacy_labels else 10
    assert parts.claims == {label: word(OMIT)}
    assert parts.signature != hashlib.sha256(to_be_signed(parts)).digest() * 2


@pytest.mark.parametrize("key_select", [1, 2, 7])
def test_key_select_leads_to_the_one_key(key_select: int) -> None:
    parts = token(later(), word(key_select))
    assert (parts.protected.hex(), parts.unprotected) == ("a10126", {})
    assert len(parts.claims) == 10


@pytest.mark.parametrize("option", [SHORT, OMIT | SHORT, SHORT | 5])
def test_any_option_forces_es256(option: int) -> None:
    """A key of P-384 would give ES384."""
    values = replace(DUMMY, iak=bytes([7]) * 48)
    assert token(later(), bytes(64), values).protected.hex() == "a1013822"
    forced = token(later(), word(option), values)
    assert (forced.protected.hex(), len(forced.signature)) == ("a10126", 64)


@pytest.mark.parametrize(
    "challenge",
    [
        bytes(64),  # no option set: a nonce like any other
        word(SHORT)[:63] + b"\1",
        b"\0" * 4 + word(SHORT)[:60],
        word(SHORT)[:48],
        word(SHORT)[:32],
    ],
)
def test_challenges_without_an_option(challenge: bytes) -> None:
    parts = token(later(), challenge)
    assert (len(parts.claims), parts.unprotected) == (10, {})


@pytest.mark.parametrize("variant", LATER)
def test_a_product_takes_it_for_a_nonce(variant: TokenVariant) -> None:
    parts = token(AttestationConfig(variant, max_token_size=0x800), word(SHORT | OMIT))
    assert parts.unprotected == {}
    assert len(parts.claims) > 5


def test_a_size_query_knows_no_option() -> None:
    device = start(later())
    size = psa_initial_attest_get_token_size(device.ns, 64)[1]
    assert len(psa_initial_attest_get_token(device.ns, bytes(64), 0x800)[1]) == size


# ---- 2019


def of_2019(challenge: bytes, **options: Any) -> TokenParts:
    config = AttestationConfig(TokenVariant.TFM_2019, include_test_code=True, **options)
    return take_apart(InitialAttestation2019(start(config, DUMMY_2019).ns).get_token(challenge, 0x800))


@pytest.mark.parametrize("signature", SignatureOf2019)
def test_short_circuit_in_2019(signature: SignatureOf2019) -> None:
    """The last four bytes of 36, which the token does not carry; 64 bytes, however the build signs."""
    parts = of_2019(word(SHORT, 36), signature_of_2019=signature)
    assert parts.signature == hashlib.sha256(to_be_signed(parts)).digest() * 2
    assert parts.unprotected == {4: bytes.fromhex(SHORT_CIRCUIT_KID)}
    assert parts.claims[-75008] == bytes(32)


@pytest.mark.parametrize("option", [OMIT, OMIT | 3])
def test_omitted_claims_in_2019(option: int) -> None:
    parts = of_2019(word(option, 36))
    assert parts.claims == {-75008: bytes(32)}
    assert parts.unprotected[4].hex().startswith("afc587e1")


def test_the_later_transport_in_2019() -> None:
    transport = OptionTransport.CHALLENGE_64
    assert of_2019(word(OMIT), option_transport=transport).claims == {-75008: word(OMIT)}
    config = AttestationConfig(TokenVariant.TFM_2019, include_test_code=True, option_transport=transport)
    assert psa_initial_attest_get_token(start(config, DUMMY_2019).ns, bytes(36), 0x800)[0] == 4


def test_36_bytes_are_no_challenge_without_test_code() -> None:
    plain = start(AttestationConfig(TokenVariant.TFM_2019), DUMMY_2019)
    assert psa_initial_attest_get_token(plain.ns, bytes(36), 0x800)[0] == PsaAttestErr.INVALID_INPUT
    later_one = start(later())
    assert psa_initial_attest_get_token(later_one.ns, bytes(36), 0x800)[0] == PSA_ERROR_INVALID_ARGUMENT


def test_the_size_of_a_challenge_with_options() -> None:
    config = AttestationConfig(TokenVariant.TFM_2019, include_test_code=True)
    service = InitialAttestation2019(start(config, DUMMY_2019).ns)
    assert service.get_token_size(36) == service.get_token_size(32)
    assert len(service.get_token(bytes(36))) == service.get_token_size(36)


@pytest.mark.parametrize(
    ("transport", "challenge", "options", "nonce"),
    [
        (None, word(SHORT), 0, word(SHORT)),
        (None, word(SHORT, 36), 0, word(SHORT, 36)),
        (OptionTransport.CHALLENGE_36, word(SHORT), 0, word(SHORT)),
        (OptionTransport.CHALLENGE_64, word(SHORT, 36), 0, word(SHORT, 36)),
        (OptionTransport.CHALLENGE_36, word(SHORT | 6, 36), SHORT | 6, bytes(32)),
        (OptionTransport.CHALLENGE_64, word(0x12345678), 0x12345678, word(0x12345678)),
    ],
)
def test_transports(transport: OptionTransport | None, challenge: bytes, options: int, nonce: bytes) -> None:
    assert take_options(transport, challenge) == (TokenOption(options), nonce)
