"""Whatever is sent to a key derivation under way, and to the key agreements, it is answered with a status."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.partition_bench import PartitionBench, start_partitions

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import psa_outvec
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import PsaStatus
from tfm_sim.interface.tfm.crypto import TFM_BUILTIN_KEY_ID_HUK, Function, PackIovec, pack_iovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE

KNOWN = {status.value for status in PsaStatus}
HKDF = v.PSA_ALG_HKDF(v.PSA_ALG_SHA_256)
ALGORITHMS = [
    HKDF,
    v.PSA_ALG_HKDF_EXTRACT(v.PSA_ALG_SHA_256),
    v.PSA_ALG_HKDF_EXPAND(v.PSA_ALG_SHA_256),
    v.PSA_ALG_TLS12_PRF(v.PSA_ALG_SHA_256),
    v.PSA_ALG_TLS12_PSK_TO_MS(v.PSA_ALG_SHA_256),
    v.PSA_ALG_TLS12_ECJPAKE_TO_PMS,
    v.PSA_ALG_PBKDF2_HMAC(v.PSA_ALG_SHA_256),
    v.PSA_ALG_PBKDF2_AES_CMAC_PRF_128,
    v.PSA_ALG_SP800_108_COUNTER_HMAC(v.PSA_ALG_SHA_256),
    v.PSA_ALG_SP800_108_COUNTER_CMAC,
    v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_ECDH, HKDF),
    v.PSA_ALG_KEY_AGREEMENT(v.PSA_ALG_FFDH, HKDF),
]
ALGS = st.sampled_from([*ALGORITHMS, v.PSA_ALG_ECDH, v.PSA_ALG_FFDH]) | st.integers(0, 2**32 - 1)
FUNCTIONS = st.sampled_from([f.value for f in Function if f.value >> 8 in (0x09, 0xF9)])
STEPS = st.sampled_from([0, *range(0x101, 0x104), *range(0x201, 0x207)]) | st.integers(0, 2**16 - 1)
KEYS = st.sampled_from([0, *range(0x40000000, 0x40000006), TFM_BUILTIN_KEY_ID_HUK])
TYPES = [0, 0x1001, 0x1200, 0x1203, 0x2301, 0x2400, 0x4112, 0x7001, 0x7112, 0x7141, 0x7142, 0x7203, 0x7412]
ATTRIBUTES = st.builds(
    KeyAttributes,
    st.sampled_from(TYPES),
    st.sampled_from([0, 8, 64, 100, 128, 255, 256, 448, 521, 2048, 0xFFF8]),
    usage=st.integers(0, 0xFFFF),
    alg=ALGS,
).map(KeyAttributes.encode)
INPUTS = st.lists(ATTRIBUTES | st.binary(max_size=70) | st.just(b"\4" + bytes(64)), max_size=2)
CALL = st.tuples(
    st.builds(
        pack_iovec,
        FUNCTIONS,
        KEYS,
        ALGS,
        st.sampled_from([1, 1, 1, 0, 2, 9]),
        step=STEPS,
        # As an iteration count it takes time; others may be as large as they like.
        value=st.integers(0, 3) | st.integers(2**24, 2**64 - 1),
    ),
    INPUTS,
    st.lists(st.sampled_from([0, 3, 4, 8, 32, 66, 256]), max_size=1),
)


@pytest.fixture(scope="module")
def device() -> PartitionBench:
    """Six keys that can be put in: bytes, a password, key pairs and a public key."""
    started = start_partitions()
    for key_type, bits, alg in (
        (v.PSA_KEY_TYPE_DERIVE, 256, HKDF),
        (v.PSA_KEY_TYPE_PASSWORD, 64, v.PSA_ALG_PBKDF2_HMAC(v.PSA_ALG_SHA_256)),
        (v.PSA_KEY_TYPE_AES, 128, v.PSA_ALG_SP800_108_COUNTER_CMAC),
        (v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_SECP_R1), 256, v.PSA_ALG_ECDH),
        (v.PSA_KEY_TYPE_ECC_KEY_PAIR(v.PSA_ECC_FAMILY_MONTGOMERY), 255, v.PSA_ALG_ECDH),
        (v.PSA_KEY_TYPE_DH_KEY_PAIR(v.PSA_DH_FAMILY_RFC7919), 2048, v.PSA_ALG_FFDH),
    ):
        attributes = KeyAttributes(key_type, bits, usage=v.PSA_KEY_USAGE_ALL, alg=alg)
        assert crypto.psa_generate_key(started.ns, attributes)[0] == 0
    return started


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(alg=st.sampled_from(ALGORITHMS), calls=st.lists(CALL, max_size=12))
def test_any_request_gets_a_status(
    device: PartitionBench, alg: int, calls: list[tuple[bytes, list[bytes], list[int]]]
) -> None:
    setup = pack_iovec(Function.KEY_DERIVATION_SETUP, alg=alg)
    made = []
    for request, inputs, out_sizes in [(setup, list[bytes](), [4]), *calls]:
        out_vec = [psa_outvec(bytearray(size), size) for size in out_sizes]
        status = device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [request, *inputs], out_vec)
        assert status in KNOWN
        if status == 0 and PackIovec.decode(request).function_id in MAKES_KEY:
            made.append(int.from_bytes(bytes(memoryview(out_vec[0].base)[:4]), "little"))  # type: ignore[arg-type]
    for handle in range(1, 9):
        abort = pack_iovec(Function.KEY_DERIVATION_ABORT, op_handle=handle)
        assert device.ns.psa_call(TFM_CRYPTO_HANDLE, 0, [abort], [psa_outvec(bytearray(4))]) == 0
    for key in made:
        assert crypto.psa_destroy_key(device.ns, key) == 0


MAKES_KEY = (
    Function.KEY_AGREEMENT,
    Function.KEY_DERIVATION_OUTPUT_KEY,
    Function.KEY_DERIVATION_OUTPUT_KEY_CUSTOM,
)
