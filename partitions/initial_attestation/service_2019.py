"""The attestation service of 2019: its own errors are the answers (TF-M attestation_core of April 2019).

A request comes as pointers, as in the library model (`spm_interface` says how), or as vectors, as in TF-M's
IPC model of May 2019, where the same functions ran behind psa_get. The SPM has judged vectors by then.
"""

from dataclasses import dataclass
from struct import Struct
from typing import Final

from ...interface.psa.initial_attestation import (
    PSA_INITIAL_ATTEST_CHALLENGE_SIZE_32,
    PSA_INITIAL_ATTEST_CHALLENGE_SIZE_48,
    PSA_INITIAL_ATTEST_CHALLENGE_SIZE_64,
)
from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import PSA_ERROR_NOT_SUPPORTED
from ...interface.tfm.attestation import (
    TFM_ATTEST_GET_TOKEN,
    TFM_ATTEST_GET_TOKEN_SIZE,
    TFM_ATTEST_GET_TOKEN_VENEER,
    TFM_ATTEST_SIZE_LENGTH,
)
from ...interface.tfm.library_model import TfmMemoryAccess
from ...spm.partition_api import PartitionApi, read_all
from .config import AttestationConfig, OptionTransport
from .errors import AttestErr, AttestFailure
from .option_word import CHALLENGE_WITH_OPTIONS
from .spm_interface import attest_check_memory_access, attest_get_caller_client_id
from .token_maker import TokenMaker

_IOVEC: Final = Struct("<II")
_SIZES: Final = (
    PSA_INITIAL_ATTEST_CHALLENGE_SIZE_32,
    PSA_INITIAL_ATTEST_CHALLENGE_SIZE_48,
    PSA_INITIAL_ATTEST_CHALLENGE_SIZE_64,
)


@dataclass(frozen=True, slots=True)
class _Vector:
    """A buffer of the caller's; ``base`` None is one that the SPM carries."""

    size: int
    base: int | None = None


class Service2019:
    """Answers requests with a ``psa_attest_err_t``."""

    def __init__(self, psa: PartitionApi, config: AttestationConfig, maker: TokenMaker) -> None:
        self._psa = psa
        self._maker = maker
        # TF-M attest_verify_challenge_size: the size of a challenge with options was legal as any other.
        options = (CHALLENGE_WITH_OPTIONS,) if config.transport is OptionTransport.CHALLENGE_36 else ()
        self._challenge_sizes = frozenset((*_SIZES, *options))

    def serve(self, msg: psa_msg_t) -> int:
        """TFM_ATTESTATION_SERVICE; NOT_SUPPORTED for another type than those three."""
        try:
            if msg.type == TFM_ATTEST_GET_TOKEN:
                self._get_token(msg, _Vector(msg.in_size[0]), _Vector(msg.out_size[0]))
            elif msg.type == TFM_ATTEST_GET_TOKEN_VENEER:
                self._veneer(msg)
            elif msg.type == TFM_ATTEST_GET_TOKEN_SIZE:
                self._get_token_size(msg)
            else:
                return PSA_ERROR_NOT_SUPPORTED
        except AttestFailure as failure:
            return failure.error
        return AttestErr.SUCCESS

    def _veneer(self, msg: psa_msg_t) -> None:
        """tfm_initial_attest_get_token_veneer: both vectors' structures, one of them written back."""
        vectors = [read_all(self._psa, msg, index) for index in range(2)]
        if any(len(v) != _IOVEC.size for v in vectors) or msg.out_size[0] < _IOVEC.size:
            raise AttestFailure(AttestErr.INVALID_INPUT)
        (challenge, challenge_size), (token, capacity) = map(_IOVEC.unpack, vectors)
        size = self._get_token(msg, _Vector(challenge_size, challenge), _Vector(capacity, token))
        self._psa.psa_write(msg.handle, 0, _IOVEC.pack(token, size))

    def _get_token(self, msg: psa_msg_t, challenge_vector: _Vector, token: _Vector) -> int:
        """TF-M initial_attest_get_token: challenge size, challenge memory, token memory, then the token."""
        if challenge_vector.size not in self._challenge_sizes:
            raise AttestFailure(AttestErr.INVALID_INPUT)
        self._check(msg, challenge_vector, TfmMemoryAccess.RO)
        self._check(msg, token, TfmMemoryAccess.RW)
        if challenge_vector.base is None:
            challenge = read_all(self._psa, msg, 0)
        else:
            challenge = self._psa.cpu.load(challenge_vector.base, challenge_vector.size)
        try:
            draft = self._maker.draft(challenge, attest_get_caller_client_id(msg))
            # TF-M attest_token_finish: what does not fit is signed all the same, and seen at the end.
            made = self._maker.finish(draft, token.size)
        except AttestFailure as failure:
            if failure.begun is not None and token.base is not None:
                self._psa.cpu.store(token.base, failure.begun.left_in(token.size))
            raise
        if token.base is None:
            self._psa.psa_write(msg.handle, 0, made)
        else:
            self._psa.cpu.store(token.base, made)
        return len(made)

    def _check(self, msg: psa_msg_t, vector: _Vector, access: TfmMemoryAccess) -> None:
        if vector.base is not None:
            attest_check_memory_access(self._psa, msg, vector.base, vector.size, access)
        elif not vector.size:
            # TF-M tfm_core_memory_permission_check: nothing is no buffer.
            raise AttestFailure(AttestErr.INVALID_INPUT)

    def _get_token_size(self, msg: psa_msg_t) -> None:
        """TF-M initial_attest_get_token_size: the room for the answer first; memory is not looked at."""
        if msg.out_size[0] < TFM_ATTEST_SIZE_LENGTH or msg.in_size[0] < TFM_ATTEST_SIZE_LENGTH:
            raise AttestFailure(AttestErr.INVALID_INPUT)
        challenge_size = int.from_bytes(read_all(self._psa, msg, 0)[:TFM_ATTEST_SIZE_LENGTH], "little")
        if challenge_size not in self._challenge_sizes:
            raise AttestFailure(AttestErr.INVALID_INPUT)
        # The option word of a challenge is no part of the token.
        nonce_size = _SIZES[0] if challenge_size == CHALLENGE_WITH_OPTIONS else challenge_size
        size = self._maker.size(nonce_size, attest_get_caller_client_id(msg))
        self._psa.psa_write(msg.handle, 0, size.to_bytes(TFM_ATTEST_SIZE_LENGTH, "little"))
