"""TFM_SP_CRYPTO: entry functions, vector checks and dispatch (TF-M crypto_init)."""

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from ...interface.psa.client import PSA_IPC_CALL
from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import PSA_ERROR_NOT_SUPPORTED, PSA_SUCCESS
from ...interface.tfm.crypto import EXTENSION_GROUP_MIN, Function, Group
from ...spm.partition_api import PartitionApi
from .aead_functions import AeadFunctions
from .agreement_functions import AgreementFunctions
from .asym_encrypt_functions import AsymEncryptFunctions
from .builtin_keys import BuiltinKeys
from .cipher_functions import CipherFunctions
from .config import CryptoConfig
from .derivation_functions import DerivationFunctions
from .drivers import make_drivers
from .hash_functions import HashFunctions
from .hashing import Hashes
from .kdf_algorithms import KdfAlgorithms
from .key_functions import KeyFunctions
from .keys import KeyStore
from .mac_functions import MacFunctions
from .nv_seed import seeded_random
from .operation_group import OperationGroup
from .operations import OperationTable
from .pake_functions import PakeFunctions
from .persistent_keys import PersistentKeys
from .refusal import Refusal
from .request import Handler, Request
from .sign_functions import SignFunctions

_BASE_CONFIG: Final = CryptoConfig()


_SINGLE_PART: Final = (
    *(Function.HASH_COMPUTE, Function.HASH_COMPARE, Function.MAC_COMPUTE, Function.MAC_VERIFY),
    *(Function.CIPHER_ENCRYPT, Function.CIPHER_DECRYPT, Function.AEAD_ENCRYPT, Function.AEAD_DECRYPT),
)


def _left_out(request: Request) -> int:
    """Answers a function that the build leaves out of a group."""
    del request
    return PSA_ERROR_NOT_SUPPORTED


def _is_ours(function: int) -> bool:
    """True for functions that TF-M's service lacks; those of PAKE have a module of their own."""
    return function >> 8 >= EXTENSION_GROUP_MIN and function >> 8 != Group.PAKE


class Module(Protocol):
    """One group of functions. One with operations is an OperationGroup."""

    @property
    def functions(self) -> dict[int, Handler]:
        """Who answers each function id."""


class CryptoPartition:
    """The program of the crypto partition."""

    def __init__(self, psa: PartitionApi, config: CryptoConfig = _BASE_CONFIG) -> None:
        self._psa = psa
        self._config = config
        self._functions: dict[int, Handler] = {}
        self._unknown: dict[int, Handler] = {}
        self._random: Callable[[int], bytes] = bytes

    def tfm_crypto_init(self) -> int:
        """entry_init: load the builtin keys and put the functions of this build in place."""
        config, hal = self._config, self._psa.hal
        drivers = make_drivers(config.drivers, hal)
        keys = KeyStore(config, BuiltinKeys(hal, config), PersistentKeys(self._psa), drivers)
        try:
            self._random = seeded_random(self._psa, hal.tfm_hal_random, nv_seed=config.nv_seed)
        except Refusal as refusal:
            return refusal.status
        # TF-M tfm_crypto_random_interface: one function, whatever the index within the group.
        self._unknown = {Group.RANDOM: self._generate_random}
        for group, module in self._modules(keys):
            wanted = module.functions.items()
            self._functions |= {id_: code for id_, code in wanted if config.extensions or not _is_ours(id_)}
            if isinstance(module, OperationGroup):
                self._unknown[group] = module.unknown
        if not config.single_part_functions:
            # TF-M CRYPTO_SINGLE_PART_FUNCS_DISABLED: told before any handle is looked at.
            self._functions |= dict.fromkeys(_SINGLE_PART, _left_out)
        return PSA_SUCCESS

    def _modules(self, keys: KeyStore) -> Iterator[tuple[Group, Module]]:
        """The groups that the build has."""
        config, random = self._config, self._random
        hashes = Hashes(config.offer())
        operations = OperationTable(config.concurrent_operations)
        if config.key_module:
            yield Group.KEY_MANAGEMENT, KeyFunctions(keys, operations, random, config)
        if config.hash_module:
            yield Group.HASH, HashFunctions(hashes, operations, config)
        if config.mac_module:
            yield Group.MAC, MacFunctions(hashes, keys, operations, config)
        if config.cipher_module:
            yield Group.CIPHER, CipherFunctions(keys, operations, random, config)
        if config.aead_module:
            yield Group.AEAD, AeadFunctions(keys, operations, random, config)
        if config.key_derivation_module:
            algorithms = KdfAlgorithms(hashes, config.offer(), config.pbkdf2_max_iterations)
            agreement = AgreementFunctions(keys, config.offer())
            yield Group.KEY_DERIVATION, agreement
            yield Group.KEY_DERIVATION, DerivationFunctions(algorithms, agreement, keys, operations)
        if config.asym_sign_module:
            yield Group.ASYM_SIGN, SignFunctions(hashes, keys, random, config)
        if config.asym_encrypt_module:
            yield Group.ASYM_ENCRYPT, AsymEncryptFunctions(hashes, keys, random, config)
        if config.pake_module:
            yield Group.PAKE, PakeFunctions(hashes, keys, operations, random, config)

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
            request.put(0, self._random(request.room(0)))
        return PSA_SUCCESS
