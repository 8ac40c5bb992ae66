"""Short names for one client's AEAD calls, to write many of them."""

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import KeyAttributes, psa_aead_operation_t
from tfm_sim.interface.psa.status import PSA_SUCCESS

BOTH = v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_DECRYPT
ROOM = 4096


def aead_key(
    client: PsaClient, key_type: int, alg: int, material: bytes = bytes(16), usage: int = BOTH
) -> int:
    """The id of a new key whose policy is ``alg``."""
    attributes = KeyAttributes(key_type, usage=usage, alg=alg)
    status, key = crypto.psa_import_key(client, attributes, material)
    assert status == PSA_SUCCESS
    return key


class AeadCalls:
    """A multi-part operation on the client's side; ``handle`` is what the service gave it."""

    def __init__(self, client: PsaClient) -> None:
        self.client = client
        self.operation = psa_aead_operation_t()

    @property
    def handle(self) -> int:
        return self.operation.handle

    def setup(self, key: int, alg: int, *, is_encrypt: bool = True) -> int:
        call = crypto.psa_aead_encrypt_setup if is_encrypt else crypto.psa_aead_decrypt_setup
        return call(self.client, self.operation, key, alg)

    def generate_nonce(self, room: int = 32) -> tuple[int, bytes]:
        return crypto.psa_aead_generate_nonce(self.client, self.operation, room)

    def set_nonce(self, nonce: bytes) -> int:
        return crypto.psa_aead_set_nonce(self.client, self.operation, nonce)

    def set_lengths(self, ad_length: int, plaintext_length: int) -> int:
        return crypto.psa_aead_set_lengths(self.client, self.operation, ad_length, plaintext_length)

    def update_ad(self, data: bytes | None) -> int:
        return crypto.psa_aead_update_ad(self.client, self.operation, data)

    def update(self, data: bytes | None, room: int = ROOM) -> tuple[int, bytes]:
        return crypto.psa_aead_update(self.client, self.operation, data, room)

    def finish(self, tag_room: int = 16, room: int = 16) -> tuple[int, bytes, bytes]:
        """(status, the rest of the ciphertext, tag)."""
        return crypto.psa_aead_finish(self.client, self.operation, room, tag_room)

    def verify(self, tag: bytes, room: int = 16) -> tuple[int, bytes]:
        """(status, the rest of the plaintext)."""
        return crypto.psa_aead_verify(self.client, self.operation, room, tag)

    def abort(self) -> int:
        return crypto.psa_aead_abort(self.client, self.operation)
