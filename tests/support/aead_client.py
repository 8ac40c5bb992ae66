"""AEAD requests as TF-M's client library packs them (crypto_storage.md 3.1, 3.2), for one client."""

from collections.abc import Sequence

from tfm_sim.interface.psa import crypto
from tfm_sim.interface.psa import crypto_values as v
from tfm_sim.interface.psa.client import PSA_IPC_CALL, PsaClient, psa_outvec
from tfm_sim.interface.psa.crypto_types import KeyAttributes
from tfm_sim.interface.psa.status import PSA_SUCCESS
from tfm_sim.interface.tfm.crypto import Function, PackIovec
from tfm_sim.interface.tfm.services import TFM_CRYPTO_HANDLE

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


def call(
    client: PsaClient, iovec: PackIovec, inputs: Sequence[bytes] = (), rooms: Sequence[int] = ()
) -> tuple[int, list[bytes]]:
    """The status, and what the service wrote into each output vector whatever the status is."""
    out_vec = [psa_outvec(bytearray(room)) for room in rooms]
    status = client.psa_call(TFM_CRYPTO_HANDLE, PSA_IPC_CALL, (iovec.encode(), *inputs), out_vec)
    return status, [bytes(out.base[: out.len]) for out in out_vec]


def encrypt(
    client: PsaClient, key: int, alg: int, nonce: bytes, ad: bytes, data: bytes, room: int = ROOM
) -> tuple[int, bytes]:
    return _single_part(client, Function.AEAD_ENCRYPT, key, alg, nonce, ad, data, room)


def decrypt(
    client: PsaClient, key: int, alg: int, nonce: bytes, ad: bytes, data: bytes, room: int = ROOM
) -> tuple[int, bytes]:
    return _single_part(client, Function.AEAD_DECRYPT, key, alg, nonce, ad, data, room)


def _single_part(
    client: PsaClient, function: int, key: int, alg: int, nonce: bytes, ad: bytes, data: bytes, room: int
) -> tuple[int, bytes]:
    iovec = PackIovec(
        key, alg, nonce=nonce[:16].ljust(16, b"\0"), nonce_length=len(nonce), function_id=function
    )
    status, (output,) = call(client, iovec, (data, ad) if ad else (data,), (room,))
    return status, output


class AeadCalls:
    """A multi-part operation on the client's side; ``handle`` is what the service gave it."""

    def __init__(self, client: PsaClient) -> None:
        self.client = client
        self.handle = 0

    def _call(
        self, function: int, inputs: Sequence[bytes] = (), rooms: Sequence[int] = (), *, handle: bool = False
    ) -> tuple[int, list[bytes]]:
        iovec = PackIovec(op_handle=self.handle, function_id=function)
        status, outputs = call(self.client, iovec, inputs, (4, *rooms) if handle else rooms)
        if handle:
            self.handle = int.from_bytes(outputs.pop(0), "little")
        return status, outputs

    def setup(self, key: int, alg: int, *, is_encrypt: bool = True) -> int:
        function = Function.AEAD_ENCRYPT_SETUP if is_encrypt else Function.AEAD_DECRYPT_SETUP
        iovec = PackIovec(key, alg, self.handle, function_id=function)
        status, (handle,) = call(self.client, iovec, (), (4,))
        self.handle = int.from_bytes(handle, "little")
        return status

    def generate_nonce(self, room: int = 32) -> tuple[int, bytes]:
        status, (nonce,) = self._call(Function.AEAD_GENERATE_NONCE, (), (room,))
        return status, nonce

    def set_nonce(self, nonce: bytes) -> int:
        return self._call(Function.AEAD_SET_NONCE, (nonce,))[0]

    def set_lengths(self, ad_length: int, plaintext_length: int) -> int:
        iovec = PackIovec(
            op_handle=self.handle,
            ad_length=ad_length,
            plaintext_length=plaintext_length,
            function_id=Function.AEAD_SET_LENGTHS,
        )
        return call(self.client, iovec)[0]

    def update_ad(self, data: bytes) -> int:
        return self._call(Function.AEAD_UPDATE_AD, (data,))[0]

    def update(self, data: bytes, room: int = ROOM) -> tuple[int, bytes]:
        status, (output,) = self._call(Function.AEAD_UPDATE, (data,), (room,))
        return status, output

    def finish(self, tag_room: int = 16, room: int = 16) -> tuple[int, bytes, bytes]:
        """(status, the rest of the ciphertext, tag)."""
        status, (tag, *rest) = self._call(
            Function.AEAD_FINISH, (), (tag_room, room) if room else (tag_room,), handle=True
        )
        return status, rest[0] if rest else b"", tag

    def verify(self, tag: bytes, room: int = 16) -> tuple[int, bytes]:
        """(status, the rest of the plaintext)."""
        status, rest = self._call(Function.AEAD_VERIFY, (tag,), (room,) if room else (), handle=True)
        return status, rest[0] if rest else b""

    def abort(self) -> int:
        return self._call(Function.AEAD_ABORT, (), (), handle=True)[0]
