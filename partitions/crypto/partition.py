"""TFM_SP_CRYPTO: entry functions, vector checks and dispatch (TF-M crypto_init)."""

from typing import Final

from ...interface.psa.client import PSA_IPC_CALL
from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import PSA_ERROR_NOT_SUPPORTED, PSA_SUCCESS
from ...interface.tfm.crypto import EXTENSION_GROUP_MIN, Group
from ...spm.partition_api import PartitionApi
from .aead_functions import AeadFunctions
from .builtin_keys import BuiltinKeys
from .cipher_functions import CipherFunctions
from .config import CryptoConfig
from .hash_functions import HashFunctions
from .hashing import Hashes
from .key_functions import KeyFunctions
from .keys import KeyStore
from .mac_functions import MacFunctions
from .operations import OperationTable
from .refusal import Refusal
from .request import Handler, Request
from .sign_functions import SignFunctions

_BASE_CONFIG: Final = CryptoConfig()


def _is_ours(function: int) -> bool:
    """True for functions that TF-M's service lacks; those of PAKE have a module of their own."""
    return function >> 8 >= EXTENSION_GROUP_MIN and function >> 8 != Group.PAKE


class CryptoPartition:
    """The program of the crypto partition."""

    def __init__(self, psa: PartitionApi, config: CryptoConfig = _BASE_CONFIG) -> None:
        self._psa = psa
        self._config = config
        self._functions: dict[int, Handler] = {}
        self._unknown: dict[int, Handler] = {}

    def tfm_crypto_init(self) -> int:
        """entry_init: load the builtin keys and put the functions of this build in place."""
        config = self._config
        try:
            keys = KeyStore(config.key_slots, BuiltinKeys(self._psa.hal, config))
        except Refusal as refusal:
            return refusal.status
        hashes = Hashes(config.offer())
        operations = OperationTable(config.concurrent_operations)
        single_part = config.single_part_functions
        # TF-M tfm_crypto_random_interface: one function, whatever the index within the group.
        self._unknown = {Group.RANDOM: self._generate_random}
        if config.key_module:
            self._functions |= KeyFunctions(keys, self._psa.hal.tfm_hal_random).functions
        if config.hash_module:
            hashing = HashFunctions(hashes, operations, single_part=single_part, suspends=config.extensions)
            self._functions |= hashing.functions
            self._unknown[Group.HASH] = hashing.unknown
        if config.mac_module:
            mac = MacFunctions(hashes, keys, operations, config)
            self._functions |= mac.functions
            self._unknown[Group.MAC] = mac.unknown
        if config.cipher_module:
            cipher = CipherFunctions(keys, operations, self._psa.hal.tfm_hal_random, config)
            self._functions |= cipher.functions
            self._unknown[Group.CIPHER] = cipher.unknown
        if config.aead_module:
            aead = AeadFunctions(keys, operations, self._psa.hal.tfm_hal_random, config)
            self._functions |= aead.functions
            self._unknown[Group.AEAD] = aead.unknown
        if config.asym_sign_module:
            sign = SignFunctions(hashes, keys, deterministic=config.deterministic_ecdsa)
            self._functions |= sign.functions
        if not config.extensions:
            self._functions = {id_: handler for id_, handler in self._functions.items() if not _is_ours(id_)}
        return PSA_SUCCESS

    def tfm_crypto_sfn(self, msg: psa_msg_t) -> int:
        """TFM_CRYPTO: message type 0 only; the function is named in the first input vector."""
        if msg.type != PSA_IPC_CALL:
            return PSA_ERROR_NOT_SUPPORTED
        try:
            request = Request(self._psa, msg, self._config.iovec_buffer_size)
        except Refusal as refusal:
            return refusal.status
        status = self._dispatch(request)
        request.write_back(self._psa, msg.handle)
        return status

    def _dispatch(self, request: Request) -> int:
        # A module that the build leaves out answers as an unknown group does.
        iovec = request.iovec
        handler = self._functions.get(iovec.function_id) or self._unknown.get(iovec.group)
        if handler is None:
            return PSA_ERROR_NOT_SUPPORTED
        try:
            return handler(request)
        except Refusal as refusal:
            return refusal.status

    def _generate_random(self, request: Request) -> int:
        if request.room(0):
            request.put(0, self._psa.hal.tfm_hal_random(request.room(0)))
        return PSA_SUCCESS
