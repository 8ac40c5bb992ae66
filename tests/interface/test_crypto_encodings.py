"""Client functions of PSA Crypto: each packs the vectors that TF-M's client library packs.

The data is what TF-M's tfm_crypto_api.c, compiled on a host with a psa_call that records, sent for the same
arguments: name, call type, input vectors, room of the output vectors.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa.client import InVec, PsaClient, psa_outvec
from tfm_sim.interface.psa.crypto_types import (
    KeyAttributes,
    psa_aead_operation_t,
    psa_cipher_operation_t,
    psa_custom_key_parameters_t,
    psa_hash_operation_t,
    psa_key_derivation_operation_t,
    psa_mac_operation_t,
    psa_pake_cipher_suite_t,
    psa_pake_operation_t,
)
from tfm_sim.interface.psa.status import PSA_ERROR_BAD_STATE, PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS
from tfm_sim.interface.tfm.crypto import Function, PackIovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE

Request = tuple[int, list[bytes], list[int]]
"""Call type, input vectors, room of the output vectors."""


class Recorder:
    """A client that keeps its calls and answers PSA_SUCCESS."""

    def __init__(self) -> None:
        self.calls: list[Request] = []

    def psa_framework_version(self) -> int:
        raise AssertionError("a stateless service needs no more than psa_call")

    def psa_version(self, sid: int) -> int:
        raise AssertionError(f"psa_version of {sid:#x}")

    def psa_connect(self, sid: int, version: int) -> int:
        raise AssertionError(f"psa_connect to {sid:#x}, version {version}")

    def psa_close(self, handle: int) -> None:
        raise AssertionError(f"psa_close of {handle:#x}")

    def psa_call(
        self, handle: int, type_: int, in_vec: Sequence[InVec] = (), out_vec: Sequence[psa_outvec] = ()
    ) -> int:
        assert handle == TFM_CRYPTO_HANDLE
        assert len(in_vec) + len(out_vec) <= 4
        rooms = []
        for out in out_vec:
            assert isinstance(out.base, bytearray)
            rooms.append(len(out.base))
            out.len = len(out.base)
        inputs = [bytes(vector) for vector in in_vec if isinstance(vector, bytes)]
        assert len(inputs) == len(in_vec)
        self.calls.append((type_, inputs, rooms))
        return PSA_SUCCESS


def recorded() -> dict[str, Request]:
    lines = (Path(__file__).parents[1] / "data" / "tfm_crypto_requests.txt").read_text().splitlines()
    requests = {}
    for line in lines:
        name, type_, inputs, rooms = line.split("|")
        vectors = [bytes.fromhex(vector) for vector in inputs.split(",")]
        requests[name] = (int(type_), vectors, [int(room) for room in rooms.split(",") if room])
    return requests


RECORDED = recorded()

KEY = 0x1234
DATA = bytes(range(0x10, 0x18))
SHORT = bytes(range(0xA0, 0xA4))
ATTRIBUTES = crypto.psa_set_key_id(
    crypto.psa_set_key_usage_flags(KeyAttributes(type=0x7112, bits=256, alg=0x06000609), 0x3003), KEY
)
HASH, HMAC, CBC, GCM, ECDSA, OAEP = 0x02000009, 0x03800009, 0x04404100, 0x05500200, 0x06000609, 0x07000309


def hash_() -> psa_hash_operation_t:
    return psa_hash_operation_t(5)


def mac() -> psa_mac_operation_t:
    return psa_mac_operation_t(5)


def cipher() -> psa_cipher_operation_t:
    return psa_cipher_operation_t(5)


def aead() -> psa_aead_operation_t:
    return psa_aead_operation_t(5)


def kdf() -> psa_key_derivation_operation_t:
    return psa_key_derivation_operation_t(5)


def pake() -> psa_pake_operation_t:
    return psa_pake_operation_t(5)


Call = Callable[[PsaClient], object]

CALLS: dict[str, Call] = {
    "psa_can_do_hash": lambda c: crypto.psa_can_do_hash(c, HASH),
    "psa_can_do_cipher": lambda c: crypto.psa_can_do_cipher(c, 0x2400, 0x04C01000),
    "psa_import_key": lambda c: crypto.psa_import_key(c, ATTRIBUTES, DATA),
    "psa_destroy_key": lambda c: crypto.psa_destroy_key(c, KEY),
    "psa_get_key_attributes": lambda c: crypto.psa_get_key_attributes(c, KEY),
    "psa_export_key": lambda c: crypto.psa_export_key(c, KEY, 32),
    "psa_export_public_key": lambda c: crypto.psa_export_public_key(c, KEY, 65),
    "psa_purge_key": lambda c: crypto.psa_purge_key(c, KEY),
    "psa_copy_key": lambda c: crypto.psa_copy_key(c, KEY, ATTRIBUTES),
    "psa_generate_key": lambda c: crypto.psa_generate_key(c, ATTRIBUTES),
    "psa_generate_random": lambda c: crypto.psa_generate_random(c, 7),
    "psa_hash_compute": lambda c: crypto.psa_hash_compute(c, HASH, DATA, 32),
    "psa_hash_compare": lambda c: crypto.psa_hash_compare(c, HASH, DATA, SHORT),
    "psa_hash_setup": lambda c: crypto.psa_hash_setup(c, hash_(), HASH),
    "psa_hash_update": lambda c: crypto.psa_hash_update(c, hash_(), DATA),
    "psa_hash_finish": lambda c: crypto.psa_hash_finish(c, hash_(), 32),
    "psa_hash_verify": lambda c: crypto.psa_hash_verify(c, hash_(), SHORT),
    "psa_hash_abort": lambda c: crypto.psa_hash_abort(c, hash_()),
    "psa_hash_clone": lambda c: crypto.psa_hash_clone(c, hash_(), psa_hash_operation_t()),
    "psa_mac_compute": lambda c: crypto.psa_mac_compute(c, KEY, HMAC, DATA, 32),
    "psa_mac_verify": lambda c: crypto.psa_mac_verify(c, KEY, HMAC, DATA, SHORT),
    "psa_mac_sign_setup": lambda c: crypto.psa_mac_sign_setup(c, mac(), KEY, HMAC),
    "psa_mac_verify_setup": lambda c: crypto.psa_mac_verify_setup(c, mac(), KEY, HMAC),
    "psa_mac_update": lambda c: crypto.psa_mac_update(c, mac(), DATA),
    "psa_mac_sign_finish": lambda c: crypto.psa_mac_sign_finish(c, mac(), 32),
    "psa_mac_verify_finish": lambda c: crypto.psa_mac_verify_finish(c, mac(), SHORT),
    "psa_mac_abort": lambda c: crypto.psa_mac_abort(c, mac()),
    "psa_cipher_encrypt": lambda c: crypto.psa_cipher_encrypt(c, KEY, CBC, DATA, 32),
    "psa_cipher_decrypt": lambda c: crypto.psa_cipher_decrypt(c, KEY, CBC, DATA, 32),
    "psa_cipher_encrypt_setup": lambda c: crypto.psa_cipher_encrypt_setup(c, cipher(), KEY, CBC),
    "psa_cipher_decrypt_setup": lambda c: crypto.psa_cipher_decrypt_setup(c, cipher(), KEY, CBC),
    "psa_cipher_generate_iv": lambda c: crypto.psa_cipher_generate_iv(c, cipher(), 16),
    "psa_cipher_set_iv": lambda c: crypto.psa_cipher_set_iv(c, cipher(), DATA),
    "psa_cipher_update": lambda c: crypto.psa_cipher_update(c, cipher(), DATA, 16),
    "psa_cipher_finish": lambda c: crypto.psa_cipher_finish(c, cipher(), 16),
    "psa_cipher_abort": lambda c: crypto.psa_cipher_abort(c, cipher()),
    "psa_aead_encrypt": lambda c: crypto.psa_aead_encrypt(c, KEY, GCM, DATA, SHORT, DATA, 24),
    "psa_aead_encrypt without ad": lambda c: crypto.psa_aead_encrypt(c, KEY, GCM, DATA, None, DATA, 24),
    "psa_aead_encrypt empty ad": lambda c: crypto.psa_aead_encrypt(c, KEY, GCM, DATA, b"", DATA, 24),
    "psa_aead_decrypt": lambda c: crypto.psa_aead_decrypt(c, KEY, GCM, DATA, SHORT, DATA, 24),
    "psa_aead_decrypt without ad": lambda c: crypto.psa_aead_decrypt(c, KEY, GCM, DATA, None, DATA, 24),
    "psa_aead_encrypt_setup": lambda c: crypto.psa_aead_encrypt_setup(c, aead(), KEY, GCM),
    "psa_aead_decrypt_setup": lambda c: crypto.psa_aead_decrypt_setup(c, aead(), KEY, GCM),
    "psa_aead_generate_nonce": lambda c: crypto.psa_aead_generate_nonce(c, aead(), 12),
    "psa_aead_set_nonce": lambda c: crypto.psa_aead_set_nonce(c, aead(), DATA),
    "psa_aead_set_lengths": lambda c: crypto.psa_aead_set_lengths(c, aead(), 0x11, 0x2222),
    "psa_aead_update_ad": lambda c: crypto.psa_aead_update_ad(c, aead(), DATA),
    "psa_aead_update_ad NULL": lambda c: crypto.psa_aead_update_ad(c, aead(), None),
    "psa_aead_update": lambda c: crypto.psa_aead_update(c, aead(), DATA, 16),
    "psa_aead_update NULL": lambda c: crypto.psa_aead_update(c, aead(), None, 16),
    "psa_aead_finish": lambda c: crypto.psa_aead_finish(c, aead(), 16, 12),
    "psa_aead_finish size 0": lambda c: crypto.psa_aead_finish(c, aead(), 0, 12),
    "psa_aead_verify": lambda c: crypto.psa_aead_verify(c, aead(), 16, SHORT),
    "psa_aead_verify size 0": lambda c: crypto.psa_aead_verify(c, aead(), 0, SHORT),
    "psa_aead_abort": lambda c: crypto.psa_aead_abort(c, aead()),
    "psa_sign_message": lambda c: crypto.psa_sign_message(c, KEY, ECDSA, DATA, 64),
    "psa_verify_message": lambda c: crypto.psa_verify_message(c, KEY, ECDSA, DATA, SHORT),
    "psa_sign_hash": lambda c: crypto.psa_sign_hash(c, KEY, ECDSA, DATA, 64),
    "psa_verify_hash": lambda c: crypto.psa_verify_hash(c, KEY, ECDSA, DATA, SHORT),
    "psa_asymmetric_encrypt": lambda c: crypto.psa_asymmetric_encrypt(c, KEY, OAEP, DATA, SHORT, 128),
    "psa_asymmetric_encrypt without salt": (
        lambda c: crypto.psa_asymmetric_encrypt(c, KEY, OAEP, DATA, None, 128)
    ),
    "psa_asymmetric_decrypt": lambda c: crypto.psa_asymmetric_decrypt(c, KEY, OAEP, DATA, SHORT, 128),
    "psa_asymmetric_decrypt without salt": (
        lambda c: crypto.psa_asymmetric_decrypt(c, KEY, OAEP, DATA, None, 128)
    ),
    "psa_raw_key_agreement": lambda c: crypto.psa_raw_key_agreement(c, 0x09020000, KEY, DATA, 32),
    "psa_key_derivation_setup": lambda c: crypto.psa_key_derivation_setup(c, kdf(), 0x08000109),
    "psa_key_derivation_get_capacity": lambda c: crypto.psa_key_derivation_get_capacity(c, kdf()),
    "psa_key_derivation_set_capacity": (
        lambda c: crypto.psa_key_derivation_set_capacity(c, kdf(), 0x12345678)
    ),
    "psa_key_derivation_input_bytes": (
        lambda c: crypto.psa_key_derivation_input_bytes(c, kdf(), 0x0202, DATA)
    ),
    "psa_key_derivation_input_integer": (
        lambda c: crypto.psa_key_derivation_input_integer(c, kdf(), 0x0205, 0x1122334455667788)
    ),
    "psa_key_derivation_input_key": (lambda c: crypto.psa_key_derivation_input_key(c, kdf(), 0x0101, KEY)),
    "psa_key_derivation_key_agreement": (
        lambda c: crypto.psa_key_derivation_key_agreement(c, kdf(), 0x0101, KEY, DATA)
    ),
    "psa_key_derivation_output_bytes": (lambda c: crypto.psa_key_derivation_output_bytes(c, kdf(), 42)),
    "psa_key_derivation_output_key": (lambda c: crypto.psa_key_derivation_output_key(c, ATTRIBUTES, kdf())),
    "psa_key_derivation_abort": lambda c: crypto.psa_key_derivation_abort(c, kdf()),
}


def requests_of(call: Call) -> list[Request]:
    client = Recorder()
    call(client)
    return client.calls


def test_every_recorded_function_is_compared() -> None:
    assert set(CALLS) == set(RECORDED)


@pytest.mark.parametrize("name", CALLS)
def test_vectors_are_tf_ms(name: str) -> None:
    assert requests_of(CALLS[name]) == [RECORDED[name]]


ENCODED = ATTRIBUTES.encode()
SUITE = psa_pake_cipher_suite_t(0x0A000109, 0x01120100, 1)
CUSTOM = psa_custom_key_parameters_t(3)


@pytest.mark.parametrize(
    "call, iovec, inputs, rooms",
    [
        (
            lambda c: crypto.psa_generate_key_custom(c, ATTRIBUTES, CUSTOM, DATA),
            PackIovec(function_id=Function.GENERATE_KEY_CUSTOM, value=3),
            [ENCODED, DATA],
            [4],
        ),
        (
            lambda c: crypto.psa_hash_suspend(c, hash_(), 211),
            PackIovec(op_handle=5, function_id=Function.HASH_SUSPEND),
            [],
            [4, 211],
        ),
        (
            lambda c: crypto.psa_hash_resume(c, hash_(), DATA),
            PackIovec(op_handle=5, function_id=Function.HASH_RESUME),
            [DATA],
            [4],
        ),
        (
            lambda c: crypto.psa_key_agreement(c, KEY, DATA, 0x09020000, ATTRIBUTES),
            PackIovec(KEY, 0x09020000, function_id=Function.KEY_AGREEMENT),
            [DATA, ENCODED],
            [4],
        ),
        (
            lambda c: crypto.psa_key_derivation_verify_bytes(c, kdf(), DATA),
            PackIovec(op_handle=5, function_id=Function.KEY_DERIVATION_VERIFY_BYTES),
            [DATA],
            [],
        ),
        (
            lambda c: crypto.psa_key_derivation_verify_key(c, kdf(), KEY),
            PackIovec(KEY, op_handle=5, function_id=Function.KEY_DERIVATION_VERIFY_KEY),
            [],
            [],
        ),
        (
            lambda c: crypto.psa_key_derivation_output_key_custom(c, ATTRIBUTES, kdf(), CUSTOM),
            PackIovec(op_handle=5, function_id=Function.KEY_DERIVATION_OUTPUT_KEY_CUSTOM, value=3),
            [ENCODED, b""],
            [4],
        ),
        (
            lambda c: crypto.psa_pake_setup(c, pake(), KEY, SUITE),
            PackIovec(KEY, 0x0A000109, 5, function_id=Function.PAKE_SETUP, value=0x1_01120100),
            [],
            [4],
        ),
        (
            lambda c: crypto.psa_pake_set_role(c, pake(), 0x11),
            PackIovec(op_handle=5, function_id=Function.PAKE_SET_ROLE, value=0x11),
            [],
            [],
        ),
        (
            lambda c: crypto.psa_pake_set_user(c, pake(), DATA),
            PackIovec(op_handle=5, function_id=Function.PAKE_SET_USER),
            [DATA],
            [],
        ),
        (
            lambda c: crypto.psa_pake_set_peer(c, pake(), DATA),
            PackIovec(op_handle=5, function_id=Function.PAKE_SET_PEER),
            [DATA],
            [],
        ),
        (
            lambda c: crypto.psa_pake_set_context(c, pake(), DATA),
            PackIovec(op_handle=5, function_id=Function.PAKE_SET_CONTEXT),
            [DATA],
            [],
        ),
        (
            lambda c: crypto.psa_pake_output(c, pake(), 2, 65),
            PackIovec(op_handle=5, function_id=Function.PAKE_OUTPUT, step=2),
            [],
            [65],
        ),
        (
            lambda c: crypto.psa_pake_input(c, pake(), 2, DATA),
            PackIovec(op_handle=5, function_id=Function.PAKE_INPUT, step=2),
            [DATA],
            [],
        ),
        (
            lambda c: crypto.psa_pake_get_shared_key(c, pake(), ATTRIBUTES),
            PackIovec(op_handle=5, function_id=Function.PAKE_GET_SHARED_KEY),
            [ENCODED],
            [4, 4],
        ),
        (
            lambda c: crypto.psa_pake_abort(c, pake()),
            PackIovec(op_handle=5, function_id=Function.PAKE_ABORT),
            [],
            [4],
        ),
    ],
)
def test_functions_of_our_own(call: Call, iovec: PackIovec, inputs: list[bytes], rooms: list[int]) -> None:
    assert requests_of(call) == [(0, [iovec.encode(), *inputs], rooms)]


@pytest.mark.parametrize(
    "call, answer",
    [
        (crypto.psa_crypto_init, PSA_SUCCESS),
        (lambda c: crypto.psa_generate_random(c, 0), (PSA_SUCCESS, b"")),
        (lambda c: crypto.psa_hash_clone(c, psa_hash_operation_t(), hash_()), PSA_ERROR_BAD_STATE),
        (
            lambda c: crypto.psa_aead_encrypt(c, KEY, GCM, bytes(17), None, b"", 16),
            (PSA_ERROR_INVALID_ARGUMENT, b""),
        ),
        (
            lambda c: crypto.psa_aead_decrypt(c, KEY, GCM, bytes(17), None, b"", 16),
            (PSA_ERROR_INVALID_ARGUMENT, b""),
        ),
        (lambda c: crypto.psa_aead_set_lengths(c, aead(), 2**32, 0), PSA_ERROR_INVALID_ARGUMENT),
        (lambda c: crypto.psa_key_derivation_set_capacity(c, kdf(), 2**32), PSA_ERROR_INVALID_ARGUMENT),
    ],
)
def test_answers_without_a_call(call: Call, answer: object) -> None:
    client = Recorder()
    assert call(client) == answer
    assert client.calls == []
