"""Short names for one client's cipher calls, to write many of them."""

from collections.abc import Iterable

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PsaClient
from tfm_sim.interface.psa.crypto_types import KeyAttributes, psa_cipher_operation_t
from tfm_sim.interface.psa.status import PSA_SUCCESS

BOTH = v.PSA_KEY_USAGE_ENCRYPT | v.PSA_KEY_USAGE_DECRYPT
ROOM = 2048


def symmetric_key(client: PsaClient, key_type: int, alg: int, material: bytes, usage: int = BOTH) -> int:
    """The id of a new key whose policy is ``alg``."""
    status, key = crypto.psa_import_key(client, KeyAttributes(key_type, usage=usage, alg=alg), material)
    assert status == PSA_SUCCESS
    return key


class CipherCalls:
    """A multi-part operation on the client's side."""

    def __init__(self, client: PsaClient) -> None:
        self.client = client
        self.operation = psa_cipher_operation_t()

    @property
    def handle(self) -> int:
        return self.operation.handle

    def setup(self, key: int, alg: int, *, encrypt: bool = True) -> int:
        call = crypto.psa_cipher_encrypt_setup if encrypt else crypto.psa_cipher_decrypt_setup
        return call(self.client, self.operation, key, alg)

    def generate_iv(self, room: int = 32) -> tuple[int, bytes]:
        return crypto.psa_cipher_generate_iv(self.client, self.operation, room)

    def set_iv(self, iv: bytes) -> int:
        return crypto.psa_cipher_set_iv(self.client, self.operation, iv)

    def update(self, data: bytes, room: int = ROOM) -> tuple[int, bytes]:
        return crypto.psa_cipher_update(self.client, self.operation, data, room)

    def finish(self, room: int = ROOM) -> tuple[int, bytes]:
        return crypto.psa_cipher_finish(self.client, self.operation, room)

    def abort(self) -> int:
        return crypto.psa_cipher_abort(self.client, self.operation)

    def whole(self, key: int, alg: int, iv: bytes, pieces: Iterable[bytes], *, encrypt: bool) -> list[bytes]:
        """The outputs of the updates and of the finish of a message that must succeed."""
        assert self.setup(key, alg, encrypt=encrypt) == PSA_SUCCESS
        if iv:
            assert self.set_iv(iv) == PSA_SUCCESS
        answers = [self.update(piece) for piece in pieces]
        answers.append(self.finish())
        assert [status for status, _ in answers] == [PSA_SUCCESS] * len(answers)
        assert self.handle == 0
        return [output for _, output in answers]
