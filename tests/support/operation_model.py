"""Reference model of multi-part hashes, MACs and ciphers as TF-M's client sees them.

PSA Crypto 1.2 section 3.3.2 with TF-M's handle: an error of any call but a setup leaves an operation that
keeps its slot and that only abort helps; a setup with a handle is refused and changes nothing.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, CTR
from cryptography.hazmat.primitives.cmac import CMAC
from cryptography.hazmat.primitives.padding import PKCS7

from tfm_sim.interface.psa.status import (
    PSA_ERROR_BAD_STATE,
    PSA_ERROR_BUFFER_TOO_SMALL,
    PSA_ERROR_INVALID_ARGUMENT,
    PSA_ERROR_INVALID_SIGNATURE,
    PSA_ERROR_NOT_PERMITTED,
    PSA_SUCCESS,
)

KEY: Final = bytes(range(16))
IV: Final = b"initial value 16"


class State(Enum):
    INACTIVE = auto()
    NEEDS_IV = auto()
    READY = auto()
    ERROR = auto()


class Event(Enum):
    SET_IV = auto()
    SET_WRONG_IV = auto()
    UPDATE = auto()
    FINISH = auto()
    FINISH_BADLY = auto()
    """Into too small a buffer, or with a wrong reference."""
    ABORT = auto()


S, E = State, Event
BAD: Final = PSA_ERROR_BAD_STATE
TRANSITIONS: Final[dict[tuple[State, Event], tuple[int, State]]] = {
    **{(S.INACTIVE, event): (BAD, S.INACTIVE) for event in Event},
    **{(S.NEEDS_IV, event): (BAD, S.ERROR) for event in Event},
    **{(S.READY, event): (BAD, S.ERROR) for event in Event},
    **{(S.ERROR, event): (BAD, S.ERROR) for event in Event},
    **{(state, E.ABORT): (PSA_SUCCESS, S.INACTIVE) for state in State},
    (S.NEEDS_IV, E.SET_IV): (PSA_SUCCESS, S.READY),
    (S.NEEDS_IV, E.SET_WRONG_IV): (PSA_ERROR_INVALID_ARGUMENT, S.ERROR),
    (S.READY, E.UPDATE): (PSA_SUCCESS, S.READY),
    (S.READY, E.FINISH): (PSA_SUCCESS, S.INACTIVE),
    (S.READY, E.FINISH_BADLY): (PSA_ERROR_BUFFER_TOO_SMALL, S.ERROR),
}


def _cmac(data: bytes) -> bytes:
    state = CMAC(AES(KEY))
    state.update(data)
    return state.finalize()


def _cbc(data: bytes) -> bytes:
    padder = PKCS7(128).padder()
    return Cipher(AES(KEY), CBC(IV)).encryptor().update(padder.update(data) + padder.finalize())


def _ctr(data: bytes) -> bytes:
    return Cipher(AES(KEY), CTR(IV)).decryptor().update(data)


@dataclass(frozen=True)
class Kind:
    """What is computed, whether an IV comes first, and what a bad finish answers, if there is one."""

    name: str
    result: Callable[[bytes], bytes]
    has_iv: bool = False
    badly: int = PSA_ERROR_BUFFER_TOO_SMALL


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("hash", lambda data: hashlib.sha256(data).digest()),
        Kind("hash_verify", lambda data: hashlib.sha256(data).digest(), badly=PSA_ERROR_INVALID_SIGNATURE),
        Kind("mac_sign", _cmac),
        Kind(
            "mac_verify",
            lambda data: hmac.digest(KEY, data, "sha512")[:20],
            badly=PSA_ERROR_INVALID_SIGNATURE,
        ),
        Kind("encrypt", _cbc, has_iv=True),
        Kind("decrypt", _ctr, has_iv=True, badly=PSA_SUCCESS),
    )
}
"""CTR has nothing left at its end, so no buffer is too small for it."""


class ModelOperation:
    """One object of a client."""

    def __init__(self) -> None:
        self.state = State.INACTIVE
        self.kind = KINDS["hash"]
        self.data = b""

    def setup(self, kind: Kind, *, slot_is_free: bool) -> int:
        if self.state is not State.INACTIVE:
            return PSA_ERROR_BAD_STATE
        if not slot_is_free:
            return PSA_ERROR_NOT_PERMITTED
        self.kind, self.data = kind, b""
        self.state = State.NEEDS_IV if kind.has_iv else State.READY
        return PSA_SUCCESS

    def event(self, event: Event, data: bytes = b"") -> int:
        status, state = TRANSITIONS[self.state, event]
        if event is Event.FINISH_BADLY and self.state is State.READY:
            status = self.kind.badly
            state = State.INACTIVE if status == PSA_SUCCESS else state
        if event is Event.UPDATE and status == PSA_SUCCESS:
            self.data += data
        self.state = state
        return status

    def copy_of(self, source: "ModelOperation", *, slot_is_free: bool) -> int:
        """psa_hash_clone: the target must be inactive; the source stays as it is, also in failure.

        TF-M tfm_crypto_hash_interface: the slot is asked for before the source's state counts.
        """
        if self.state is not State.INACTIVE or source.state is State.INACTIVE:
            return PSA_ERROR_BAD_STATE
        if not slot_is_free:
            return PSA_ERROR_NOT_PERMITTED
        if source.state is State.ERROR:
            return PSA_ERROR_BAD_STATE
        self.kind, self.data, self.state = source.kind, source.data, source.state
        return PSA_SUCCESS
