"""Derived keys and agreed secrets of a whole device are the same at each isolation level."""

import pytest
from support.derivation_bench import started

import tfm_sim
from tfm_sim.firmware_build import Build
from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.interface.tfm.crypto import TFM_BUILTIN_KEY_ID_HUK
from tfm_sim.spm.config import SpmConfig

HKDF = v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)
PAIR = v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1)


def secrets_of_a_device(level: int) -> tuple[bytes, bytes, bytes]:
    """Bytes from the HUK, a key from the HUK, and what that key agrees on with itself."""
    with tfm_sim.boot(build=Build(spm=SpmConfig(isolation_level=level))) as device:
        derivation = started(device.ns, HKDF)
        assert derivation.give_key(v.PSA_KEY_DERIVATION_INPUT_SECRET, TFM_BUILTIN_KEY_ID_HUK) == PSA_SUCCESS
        assert derivation.give(v.PSA_KEY_DERIVATION_INPUT_INFO, b"info") == PSA_SUCCESS
        first = derivation.read(16)
        usage = v.PSA_KEY_USAGE_DERIVE | v.PSA_KEY_USAGE_EXPORT
        status, key = derivation.key(KeyAttributes(PAIR, 256, usage=usage, alg=v.PSA_ALG_ECDH))
        assert status == PSA_SUCCESS
        private = crypto.psa_export_key(device.ns, key, 32)
        public = crypto.psa_export_public_key(device.ns, key, 65)
        agreed = crypto.psa_raw_key_agreement(device.ns, v.PSA_ALG_ECDH, key, public[1], 32)
        assert [answer[0] for answer in (first, private, agreed)] == [PSA_SUCCESS] * 3
        return first[1], private[1], agreed[1]


@pytest.mark.parametrize("level", [2, 3])
def test_isolation_level_changes_no_secret(level: int) -> None:
    assert secrets_of_a_device(level) == secrets_of_a_device(1)
