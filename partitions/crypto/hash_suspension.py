"""The hash suspend state (PSA Crypto 1.2, section 10.2.5): algorithm, input length, hash state, the rest.

The algorithm is 4 bytes and the input length, in bytes, 8 or 16, both big endian; the hash state is in the
byte order of the hash itself; behind it stand the bytes that do not fill a block yet.
"""

from collections.abc import Iterable
from typing import Final

from ...interface.psa.crypto_values import PSA_ALG_IS_HASH
from ...interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_ERROR_NOT_SUPPORTED
from .compression import CONSTRUCTIONS, ChainedHash
from .refusal import Refusal

_ALG_LENGTH: Final = 4


def recompute(alg: int, pieces: Iterable[bytes]) -> ChainedHash:
    """The state after ``pieces``, whose library keeps it to itself; NOT_SUPPORTED for a hash without one.

    PSA Crypto 1.2 psa_hash_suspend is not defined for SHA-3 and SHAKE256.
    """
    construction = CONSTRUCTIONS.get(alg)
    if construction is None:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    return ChainedHash.start(construction, b"".join(pieces))


def suspend_state(alg: int, state: ChainedHash) -> bytes:
    form = state.construction
    length = state.length.to_bytes(form.counter, "big")
    return alg.to_bytes(_ALG_LENGTH, "big") + length + form.join(state.state) + state.tail


def resumed(data: bytes) -> tuple[int, ChainedHash]:
    """The algorithm and the state behind a suspend state.

    PSA Crypto 1.2 psa_hash_resume: INVALID_ARGUMENT for what is not one, NOT_SUPPORTED for the state of an
    algorithm that has none here.
    """
    alg = int.from_bytes(data[:_ALG_LENGTH], "big")
    if len(data) < _ALG_LENGTH or not PSA_ALG_IS_HASH(alg):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    form = CONSTRUCTIONS.get(alg)
    if form is None:
        raise Refusal(PSA_ERROR_NOT_SUPPORTED)
    words_at = _ALG_LENGTH + form.counter
    tail_at = words_at + form.state_length
    length = int.from_bytes(data[_ALG_LENGTH:words_at], "big")
    # The padding counts bits in as many bytes: a longer message has no hash.
    if len(data) != tail_at + length % form.block or length >> (8 * form.counter - 3):
        raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
    return alg, ChainedHash(form, form.words(data[words_at:tail_at]), length, data[tail_at:])
