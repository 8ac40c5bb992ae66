"""PSA Crypto for Python callers: multi-part operations as objects, which raise PsaError for every refusal.

Each frees the service's slot when it is closed; as context managers they close by themselves. A refused call
leaves an operation in its error state, so that only closing it helps. What goes in and comes out in one call
has to fit the service's scratch buffer, CRYPTO_IOVEC_BUFFER_SIZE (5120 bytes).
"""

from contextlib import suppress
from types import TracebackType
from typing import ClassVar, Generic, Self, TypeVar

from . import crypto
from .client import BytesLike, PsaClient
from .crypto_sizes import (
    PSA_AEAD_FINISH_OUTPUT_MAX_SIZE,
    PSA_AEAD_NONCE_LENGTH,
    PSA_AEAD_TAG_MAX_SIZE,
    PSA_AEAD_UPDATE_OUTPUT_MAX_SIZE,
    PSA_CIPHER_FINISH_OUTPUT_MAX_SIZE,
    PSA_CIPHER_IV_MAX_SIZE,
    PSA_CIPHER_UPDATE_OUTPUT_MAX_SIZE,
    PSA_HASH_LENGTH,
    PSA_HASH_SUSPEND_OUTPUT_SIZE,
    PSA_MAC_MAX_SIZE,
)
from .crypto_types import (
    Operation,
    psa_aead_operation_t,
    psa_cipher_operation_t,
    psa_hash_operation_t,
    psa_mac_operation_t,
)
from .status import PSA_ERROR_INVALID_SIGNATURE, PSA_SUCCESS, PsaError

_Op = TypeVar("_Op", bound=Operation)


def check(status: int, call: str) -> None:
    """Raises PsaError for anything but PSA_SUCCESS."""
    if status != PSA_SUCCESS:
        raise PsaError(status, call)


def verdict(status: int, call: str) -> bool:
    """False for PSA_ERROR_INVALID_SIGNATURE; PsaError for any other refusal."""
    if status == PSA_ERROR_INVALID_SIGNATURE:
        return False
    check(status, call)
    return True


class MultiPart(Generic[_Op]):
    """An operation in the service; ``close`` aborts it, which an ended one does not mind."""

    _abort: ClassVar[str]

    def __init__(self, client: PsaClient, operation: _Op) -> None:
        self._client = client
        self._operation = operation

    def close(self) -> None:
        check(getattr(crypto, self._abort)(self._client, self._operation), self._abort)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if exc is None:
            self.close()
            return
        # The device may be down, and then there is nothing to close; what was raised goes its way.
        with suppress(Exception):
            self.close()


class Hash(MultiPart[psa_hash_operation_t]):
    """A multi-part hash in the manner of hashlib."""

    _abort = "psa_hash_abort"

    def __init__(self, client: PsaClient, alg: int) -> None:
        super().__init__(client, psa_hash_operation_t())
        self._alg = alg
        check(crypto.psa_hash_setup(client, self._operation, alg), "psa_hash_setup")

    @classmethod
    def resume(cls, client: PsaClient, hash_state: BytesLike) -> Self:
        """Go on with a hash that was suspended, here or by another implementation of PSA Crypto."""
        self = cls.__new__(cls)
        MultiPart.__init__(self, client, psa_hash_operation_t())
        self._alg = int.from_bytes(hash_state[:4], "big")
        check(crypto.psa_hash_resume(client, self._operation, hash_state), "psa_hash_resume")
        return self

    def update(self, data: BytesLike) -> None:
        check(crypto.psa_hash_update(self._client, self._operation, data), "psa_hash_update")

    def finish(self) -> bytes:
        status, digest = crypto.psa_hash_finish(self._client, self._operation, PSA_HASH_LENGTH(self._alg))
        check(status, "psa_hash_finish")
        return digest

    def verify(self, digest: BytesLike) -> bool:
        """False for another digest; the operation then waits to be closed."""
        return verdict(crypto.psa_hash_verify(self._client, self._operation, digest), "psa_hash_verify")

    def copy(self) -> Self:
        """An operation of its own that goes on from here."""
        twin = type(self).__new__(type(self))
        MultiPart.__init__(twin, self._client, psa_hash_operation_t())
        twin._alg = self._alg
        check(crypto.psa_hash_clone(self._client, self._operation, twin._operation), "psa_hash_clone")
        return twin

    def suspend(self) -> bytes:
        """The state for ``resume``; the operation ends."""
        size = PSA_HASH_SUSPEND_OUTPUT_SIZE(self._alg)
        status, state = crypto.psa_hash_suspend(self._client, self._operation, size)
        check(status, "psa_hash_suspend")
        return state


class Mac(MultiPart[psa_mac_operation_t]):
    """A multi-part MAC, to be computed or, with ``verify`` True, to be verified."""

    _abort = "psa_mac_abort"

    def __init__(self, client: PsaClient, key: int, alg: int, *, verify: bool = False) -> None:
        super().__init__(client, psa_mac_operation_t())
        setup = crypto.psa_mac_verify_setup if verify else crypto.psa_mac_sign_setup
        check(setup(client, self._operation, key, alg), setup.__name__)

    def update(self, data: BytesLike) -> None:
        check(crypto.psa_mac_update(self._client, self._operation, data), "psa_mac_update")

    def finish(self) -> bytes:
        status, mac = crypto.psa_mac_sign_finish(self._client, self._operation, PSA_MAC_MAX_SIZE)
        check(status, "psa_mac_sign_finish")
        return mac

    def verify(self, mac: BytesLike) -> bool:
        """False for another MAC; the operation then waits to be closed."""
        status = crypto.psa_mac_verify_finish(self._client, self._operation, mac)
        return verdict(status, "psa_mac_verify_finish")


class Cipher(MultiPart[psa_cipher_operation_t]):
    """A multi-part encryption or, with ``decrypt`` True, decryption without authentication."""

    _abort = "psa_cipher_abort"

    def __init__(self, client: PsaClient, key: int, alg: int, *, decrypt: bool = False) -> None:
        super().__init__(client, psa_cipher_operation_t())
        setup = crypto.psa_cipher_decrypt_setup if decrypt else crypto.psa_cipher_encrypt_setup
        check(setup(client, self._operation, key, alg), setup.__name__)

    def generate_iv(self) -> bytes:
        """A random IV, set as well; for encryption only."""
        status, iv = crypto.psa_cipher_generate_iv(self._client, self._operation, PSA_CIPHER_IV_MAX_SIZE)
        check(status, "psa_cipher_generate_iv")
        return iv

    def set_iv(self, iv: BytesLike) -> None:
        check(crypto.psa_cipher_set_iv(self._client, self._operation, iv), "psa_cipher_set_iv")

    def update(self, data: BytesLike) -> bytes:
        """What can be put out so far; a block that is not full waits."""
        size = PSA_CIPHER_UPDATE_OUTPUT_MAX_SIZE(len(data))
        status, output = crypto.psa_cipher_update(self._client, self._operation, data, size)
        check(status, "psa_cipher_update")
        return output

    def finish(self) -> bytes:
        """The last block where padding makes one."""
        size = PSA_CIPHER_FINISH_OUTPUT_MAX_SIZE
        status, output = crypto.psa_cipher_finish(self._client, self._operation, size)
        check(status, "psa_cipher_finish")
        return output


class Aead(MultiPart[psa_aead_operation_t]):
    """A multi-part authenticated encryption or, with ``decrypt`` True, decryption."""

    _abort = "psa_aead_abort"

    def __init__(self, client: PsaClient, key: int, alg: int, *, decrypt: bool = False) -> None:
        super().__init__(client, psa_aead_operation_t())
        self._key = key
        self._alg = alg
        setup = crypto.psa_aead_decrypt_setup if decrypt else crypto.psa_aead_encrypt_setup
        check(setup(client, self._operation, key, alg), setup.__name__)

    def set_lengths(self, ad_length: int, plaintext_length: int) -> None:
        """Announce both lengths in bytes; CCM needs it, before the nonce."""
        status = crypto.psa_aead_set_lengths(self._client, self._operation, ad_length, plaintext_length)
        check(status, "psa_aead_set_lengths")

    def generate_nonce(self) -> bytes:
        """A random nonce of the default length, set as well; for encryption only."""
        status, attributes = crypto.psa_get_key_attributes(self._client, self._key)
        check(status, "psa_get_key_attributes")
        size = PSA_AEAD_NONCE_LENGTH(attributes.type, self._alg)
        status, nonce = crypto.psa_aead_generate_nonce(self._client, self._operation, size)
        check(status, "psa_aead_generate_nonce")
        return nonce

    def set_nonce(self, nonce: BytesLike) -> None:
        check(crypto.psa_aead_set_nonce(self._client, self._operation, nonce), "psa_aead_set_nonce")

    def update_ad(self, data: BytesLike) -> None:
        check(crypto.psa_aead_update_ad(self._client, self._operation, data), "psa_aead_update_ad")

    def update(self, data: BytesLike) -> bytes:
        """What can be put out so far. Decrypted text is not to be believed until ``verify`` is True."""
        size = PSA_AEAD_UPDATE_OUTPUT_MAX_SIZE(len(data))
        status, output = crypto.psa_aead_update(self._client, self._operation, data, size)
        check(status, "psa_aead_update")
        return output

    def finish(self) -> tuple[bytes, bytes]:
        """(the last of the ciphertext, tag)."""
        status, last, tag = crypto.psa_aead_finish(
            self._client, self._operation, PSA_AEAD_FINISH_OUTPUT_MAX_SIZE, PSA_AEAD_TAG_MAX_SIZE
        )
        check(status, "psa_aead_finish")
        return last, tag

    def verify(self, tag: BytesLike) -> bytes | None:
        """The last of the plaintext; None when the tag does not fit, and all of it is to be thrown away."""
        size = PSA_AEAD_FINISH_OUTPUT_MAX_SIZE
        status, last = crypto.psa_aead_verify(self._client, self._operation, size, tag)
        return last if verdict(status, "psa_aead_verify") else None
