"""Ten lines against a booted device: the fixtures come with the installed package."""

import pytest

import tfm_sim


def test_my_device_attests(tfm_device):
    token = tfm_device.psa.initial_attestation.get_token(bytes(32))
    assert len(token) == tfm_device.psa.initial_attestation.get_token_size(32)


def test_my_challenge_is_too_short(tfm_device):
    with pytest.raises(tfm_sim.PsaError, match="INVALID_ARGUMENT"):
        tfm_device.psa.initial_attestation.get_token(b"short")


def test_two_of_my_devices(tfm_boot):
    assert tfm_boot(seed=1).psa.crypto.generate_random(8) != tfm_boot(seed=2).psa.crypto.generate_random(8)
