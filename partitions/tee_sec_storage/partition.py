"""TFM_SP_TEE_SEC_STORAGE: the TEE's keys, for the REE by pointers and for the TEE by vectors."""

from typing import Final

from ...interface.esp_tee.errors import EspErr
from ...interface.esp_tee.service_calls import unpack_arguments
from ...interface.esp_tee.tee_sec_storage import TeeRequest, TypeAndFlags
from ...interface.psa.service import psa_msg_t
from ...interface.psa.status import PSA_ERROR_NOT_SUPPORTED, PSA_ERROR_PROGRAMMER_ERROR
from ...spm.partition_api import PartitionApi, read_all
from ..ree_pointers import ReePointers
from .config import TeeSecStorageConfig
from .keys import SecStorageKeys
from .ree_names import ReeNames
from .ree_slots import ReeSlots, slot_error

_BASE_CONFIG: Final = TeeSecStorageConfig()


class TeeSecStoragePartition:
    """The program of the secure storage partition."""

    def __init__(self, psa: PartitionApi, config: TeeSecStorageConfig = _BASE_CONFIG) -> None:
        self._psa = psa
        self._keys = SecStorageKeys(psa, any_digest=config.any_digest)
        self._slots = config.slots
        ree = ReeSlots if config.slots else ReeNames
        self._ree = ree(self._keys, config)

    def esp_tee_sec_storage_sfn(self, msg: psa_msg_t) -> int:
        """ESP_TEE_SEC_STORAGE. FAIL for a service that this build has not, and for other arguments."""
        arguments = unpack_arguments(read_all(self._psa, msg, 0))
        service = self._ree.services.get(msg.type)
        if service is None or arguments is None or len(arguments) != service[0]:
            return EspErr.ESP_FAIL
        return service[1](ReePointers(self._psa, msg), *arguments)

    def tee_sec_storage_sfn(self, msg: psa_msg_t) -> int:
        """TEE_SEC_STORAGE."""
        if msg.type not in set(TeeRequest):
            return PSA_ERROR_NOT_SUPPORTED
        if msg.in_size[1] != TypeAndFlags.size:
            return PSA_ERROR_PROGRAMMER_ERROR
        name = read_all(self._psa, msg, 0)
        key_type, flags = TypeAndFlags.unpack(read_all(self._psa, msg, 1))
        if msg.type == TeeRequest.GEN_KEY:
            return self._keys.gen(name, key_type, flags)
        if msg.type == TeeRequest.ECDSA_GET_PUBKEY:
            error, answer = self._keys.ecdsa_get_pubkey(name, key_type)
        else:
            error, answer = self._keys.ecdsa_sign(name, key_type, read_all(self._psa, msg, 2))
        if error == EspErr.ESP_OK:
            self._psa.psa_write(msg.handle, 0, answer)
        return slot_error(error) if self._slots else error
