"""The states of a multi-part AEAD operation (PSA Crypto 1.2 section 10.5.3)."""

from ...interface.psa.status import PSA_ERROR_BAD_STATE, PSA_ERROR_INVALID_ARGUMENT
from .aead import Aead, AeadDecryption, AeadEncryption, AeadStream, KeyedAead
from .refusal import Refusal


class AeadMessage:
    """One message under way: lengths, nonce, additional data, body, end; each step checks those before it.

    The order of the checks is that of Mbed TLS's psa_aead_* functions. After a refusal the caller drops the
    message. ``lengths_after_nonce`` also allows what Mbed TLS does and PSA Crypto 1.2 does not: to set
    the lengths after the nonce, if before any data.
    """

    __slots__ = (
        "_ad_left",
        "_ad_started",
        "_algorithm",
        "_body_left",
        "_body_started",
        "_decryption",
        "_encryption",
        "_lengths",
        "_lengths_after_nonce",
        "_nonce",
        "_primitive",
        "is_encrypt",
        "tag_length",
    )

    def __init__(
        self,
        algorithm: Aead,
        primitive: KeyedAead,
        tag_length: int,
        *,
        is_encrypt: bool,
        lengths_after_nonce: bool,
    ) -> None:
        self._algorithm = algorithm
        self._primitive = primitive
        self.tag_length = tag_length
        self.is_encrypt = is_encrypt
        self._lengths_after_nonce = lengths_after_nonce
        self._encryption: AeadEncryption | None = None
        self._decryption: AeadDecryption | None = None
        self._nonce: bytes | None = None
        self._lengths: tuple[int, int] | None = None
        self._ad_left = self._body_left = 0
        self._ad_started = self._body_started = False

    def set_lengths(self, ad_length: int, plaintext_length: int) -> None:
        """PSA Crypto psa_aead_set_lengths: once, and before nonce and data; in bytes."""
        if self._lengths is not None or self._ad_started or self._body_started:
            raise Refusal(PSA_ERROR_BAD_STATE)
        if self._nonce is not None and not self._lengths_after_nonce:
            raise Refusal(PSA_ERROR_BAD_STATE)
        nonce_length = self._algorithm.nonces.start if self._nonce is None else len(self._nonce)
        if not self._algorithm.takes_lengths(nonce_length, ad_length, plaintext_length):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._lengths = ad_length, plaintext_length
        self._ad_left, self._body_left = self._lengths

    def nonce_to_generate(self) -> int:
        """PSA Crypto psa_aead_generate_nonce: the length in bytes; for CCM the longest that leaves room."""
        if self._nonce is not None or not self.is_encrypt:
            raise Refusal(PSA_ERROR_BAD_STATE)
        self._require_lengths()
        length = self._algorithm.default_nonce
        while self._lengths and not self._algorithm.takes_lengths(length, *self._lengths):
            length -= 1
        return length

    def set_nonce(self, nonce: bytes) -> None:
        """PSA Crypto psa_aead_set_nonce: once; any length that the service lacks is INVALID_ARGUMENT."""
        if self._nonce is not None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        self._require_lengths()
        if len(nonce) not in self._algorithm.nonces:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if self._lengths and not self._algorithm.takes_lengths(len(nonce), *self._lengths):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._nonce = nonce

    def _require_lengths(self) -> None:
        # PSA Crypto 1.2 psa_aead_set_nonce: CCM's lengths come first. Mbed TLS asks for them with the data.
        if self._algorithm.needs_lengths and self._lengths is None and not self._lengths_after_nonce:
            raise Refusal(PSA_ERROR_BAD_STATE)

    def update_ad(self, data: bytes) -> None:
        """PSA Crypto psa_aead_update_ad: after the nonce, before the body, no more than was announced."""
        if self._nonce is None or self._body_started:
            raise Refusal(PSA_ERROR_BAD_STATE)
        if data:
            if self._lengths is not None:
                if self._ad_left < len(data):
                    raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
                self._ad_left -= len(data)
            self._stream().update_ad(data)
        self._ad_started = True

    def check_update(self, length: int) -> None:
        """PSA Crypto psa_aead_update: after all additional data, no more than was announced; in bytes."""
        if self._nonce is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        if self._lengths is not None and (self._ad_left or self._body_left < length):
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        self._stream()

    def update(self, data: bytes) -> bytes:
        """What ``check_update`` has passed; the output is as long as the input."""
        if self._lengths is not None:
            self._body_left -= len(data)
        self._body_started = True
        return self._stream().update(data)

    def check_finish(self, *, is_encrypt: bool) -> None:
        """PSA Crypto psa_aead_finish, psa_aead_verify: nonce, then lengths, then the direction."""
        if self._nonce is None:
            raise Refusal(PSA_ERROR_BAD_STATE)
        if self._ad_left or self._body_left:
            raise Refusal(PSA_ERROR_INVALID_ARGUMENT)
        if self.is_encrypt is not is_encrypt:
            raise Refusal(PSA_ERROR_BAD_STATE)

    def finish(self) -> bytes:
        """The tag, once ``check_finish`` has passed."""
        return self._start_encryption().tag()[: self.tag_length]

    def verify(self, tag: bytes) -> bool:
        """False also for a tag of another length."""
        decryption = self._start_decryption()
        return len(tag) == self.tag_length and decryption.verify(tag)

    def _stream(self) -> AeadStream:
        return self._start_encryption() if self.is_encrypt else self._start_decryption()

    def _start_encryption(self) -> AeadEncryption:
        if self._encryption is None:
            self._encryption = self._primitive.start_encrypt(*self._start())
        return self._encryption

    def _start_decryption(self) -> AeadDecryption:
        if self._decryption is None:
            self._decryption = self._primitive.start_decrypt(*self._start())
        return self._decryption

    def _start(self) -> tuple[bytes, tuple[int, int]]:
        if self._nonce is None or (self._algorithm.needs_lengths and self._lengths is None):
            raise Refusal(PSA_ERROR_BAD_STATE)
        return self._nonce, self._lengths or (0, 0)


class AeadOperation:
    """What a slot of the operation table holds; ``message`` is None while the operation is inactive."""

    __slots__ = ("message",)

    def __init__(self) -> None:
        self.message: AeadMessage | None = None

    def abort(self) -> None:
        self.message = None
