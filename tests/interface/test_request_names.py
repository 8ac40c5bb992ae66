"""What a request asks for, by name: one line a request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.tfm import services
from tfm_sim.interface.tfm.crypto import Function, PackIovec, pack_iovec
from tfm_sim.interface.tfm.request_names import request_text

CRYPTO = services.TFM_CRYPTO_SID
ITS = services.TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_SID
PS = services.TFM_PROTECTED_STORAGE_SERVICE_SID
PLATFORM = services.TFM_PLATFORM_SERVICE_SID
FWU = services.TFM_FIRMWARE_UPDATE_SERVICE_SID
SIDS = [value for name, value in vars(services).items() if name.endswith("_SID")]
UID = (7).to_bytes(8, "little")
HKDF = v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)
SALT = v.PSA_KEY_DERIVATION_INPUT_SALT


@pytest.mark.parametrize(
    ("sid", "type_", "head", "text"),
    [
        (CRYPTO, 0, pack_iovec(Function.GENERATE_RANDOM), "psa_generate_random"),
        (CRYPTO, 0, pack_iovec(Function.DESTROY_KEY, 0x40000001), "psa_destroy_key(key 0x40000001)"),
        (
            CRYPTO,
            0,
            pack_iovec(Function.AEAD_ENCRYPT, 7, v.PSA_ALG_GCM),
            "psa_aead_encrypt(key 0x7, PSA_ALG_GCM)",
        ),
        (
            CRYPTO,
            0,
            pack_iovec(Function.KEY_DERIVATION_SETUP, alg=HKDF),
            "psa_key_derivation_setup(PSA_ALG_HKDF(PSA_ALG_SHA_256))",
        ),
        (
            CRYPTO,
            0,
            pack_iovec(Function.KEY_DERIVATION_INPUT_BYTES, op_handle=3, step=SALT),
            "psa_key_derivation_input_bytes(operation 0x3, PSA_KEY_DERIVATION_INPUT_SALT)",
        ),
        (
            CRYPTO,
            0,
            pack_iovec(Function.PAKE_OUTPUT, op_handle=1, step=v.PSA_PAKE_STEP_ZK_PROOF),
            "psa_pake_output(operation 0x1, PSA_PAKE_STEP_ZK_PROOF)",
        ),
        (CRYPTO, 0, pack_iovec(0x1234), "function 0x1234"),
        (CRYPTO, 1, pack_iovec(Function.GENERATE_RANDOM), ""),
        (CRYPTO, 0, b"short", ""),
        (ITS, 1001, UID, "psa_its_set(uid 0x7)"),
        (ITS, 1004, UID, "psa_its_remove(uid 0x7)"),
        (ITS, 1005, UID, ""),
        (PS, 1003, UID, "psa_ps_get_info(uid 0x7)"),
        (PS, 1005, b"", "psa_ps_get_support"),
        (PS, 1007, UID, "psa_ps_set_extended(uid 0x7)"),
        (PLATFORM, 1011, b"\2\0\0\0", "tfm_platform_nv_counter_increment(counter 2)"),
        (PLATFORM, 1012, b"", "tfm_platform_system_reset"),
        (PLATFORM, 1013, b"\2\0\0\0", "tfm_platform_ioctl"),
        (services.TFM_ATTESTATION_SERVICE_SID, 1001, bytes(32), "psa_initial_attest_get_token"),
        (services.TFM_MEASURED_BOOT_SID, 1001, b"\1\0\0", "tfm_measured_boot_read_measurement"),
        (FWU, 1010, b"\1", "psa_fwu_query(component 1)"),
        (FWU, 1008, b"", "psa_fwu_request_reboot"),
        (0xF000, 0, UID, ""),
    ],
)
def test_a_request_by_name(sid: int, type_: int, head: bytes, text: str) -> None:
    assert request_text(sid, type_, head) == text


@given(st.sampled_from(SIDS), st.integers(-3, 1020), st.binary(max_size=60))
def test_whatever_a_request_holds_it_gets_a_text(sid: int, type_: int, head: bytes) -> None:
    assert request_text(sid, type_, head).isprintable()


@given(
    st.builds(
        pack_iovec,
        st.integers(0, 0xFFFF),
        *3 * [st.integers(0, 0xFFFFFFFF)],
        st.integers(0, 0xFFFF),
    )
)
def test_nonce_lengths_and_values_are_not_told(request_: bytes) -> None:
    told = request_text(CRYPTO, 0, request_)
    fields = PackIovec.decode(request_)
    other = fields._replace(nonce=b"0123456789abcdef", nonce_length=16, value=0x1122334455, ad_length=99)
    assert request_text(CRYPTO, 0, other.encode()) == told
