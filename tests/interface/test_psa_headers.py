"""`from tfm_sim import psa`: what the headers name is there under its C name."""

import pytest

import tfm_sim
from tfm_sim import psa


@pytest.mark.parametrize(
    "names",
    [
        "PSA_SUCCESS PSA_ERROR_NOT_PERMITTED PSA_FRAMEWORK_VERSION psa_invec psa_outvec",
        "PSA_ALG_GCM PSA_ALG_HKDF PSA_KEY_TYPE_AES PSA_KEY_USAGE_ENCRYPT PSA_KEY_LIFETIME_PERSISTENT",
        "PSA_KEY_DERIVATION_INPUT_SALT PSA_AEAD_ENCRYPT_OUTPUT_SIZE PSA_HASH_LENGTH PSA_PAKE_OUTPUT_SIZE",
        "KeyAttributes psa_hash_operation_t psa_crypto_init psa_generate_key psa_aead_encrypt psa_sign_hash",
        "psa_key_derivation_setup psa_pake_setup",
        "psa_its_set psa_its_get psa_its_get_info psa_its_remove psa_ps_set psa_ps_create psa_ps_get_support",
        "PSA_STORAGE_FLAG_WRITE_ONCE PSA_STORAGE_SUPPORT_SET_EXTENDED psa_storage_info_t",
        "psa_initial_attest_get_token psa_fwu_query PsaError PsaStatus",
    ],
)
def test_names_of_the_headers(names: str) -> None:
    assert [name for name in names.split() if not hasattr(psa, name)] == []


def test_a_call_as_c_makes_it(tfm_device: tfm_sim.Device) -> None:
    size = psa.PSA_HASH_LENGTH(psa.PSA_ALG_SHA_256)
    status, digest = psa.psa_hash_compute(tfm_device.ns, psa.PSA_ALG_SHA_256, b"abc", size)
    assert status == psa.PSA_SUCCESS
    assert digest.hex().startswith("ba7816bf")


def test_the_module_is_one_name_of_the_package() -> None:
    assert tfm_sim.psa is psa
    assert "psa" in dir(tfm_sim)
