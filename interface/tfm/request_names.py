"""What a request to one of TF-M's services asks for, by name: functions, key ids, algorithms, uids, counters.

For traces. Only what stands in the fixed part of a request is told; no data, keys or digests ever are.
"""

from collections.abc import Callable
from typing import Final

from ..psa.client import PSA_IPC_CALL
from ..psa.crypto_names import algorithm_text, derivation_step_text, pake_step_text
from . import attestation, delegated_attestation, firmware_update, measured_boot, platform, services, storage
from .crypto import TFM_CRYPTO_PACK_IOVEC_SIZE, Function, Group, PackIovec

REQUEST_HEAD_SIZE: Final = TFM_CRYPTO_PACK_IOVEC_SIZE
"""As much of the first input vector as `request_text` can use, in bytes."""


def request_text(sid: int, type_: int, head: bytes) -> str:
    """``psa_its_set(uid 0x1)``; empty for a service or type that is not TF-M's.

    ``head`` is the first input vector, or its first REQUEST_HEAD_SIZE bytes; it may hold anything.
    """
    if sid == services.TFM_CRYPTO_SID:
        return _crypto(head) if type_ == PSA_IPC_CALL else ""
    name = _NAMES.get(sid, {}).get(type_, "")
    argument = _ARGUMENTS.get(sid)
    if not name or argument is None or type_ in _WITHOUT_ARGUMENT:
        return name
    text = argument(head)
    return f"{name}({text})" if text else name


def _crypto(head: bytes) -> str:
    if len(head) != TFM_CRYPTO_PACK_IOVEC_SIZE:
        return ""
    request = PackIovec.decode(head)
    try:
        name = f"psa_{Function(request.function_id).name.lower()}"
    except ValueError:
        return f"function {request.function_id:#06x}"
    arguments = []
    if request.key_id:
        arguments.append(f"key {request.key_id:#x}")
    if request.alg:
        arguments.append(algorithm_text(request.alg))
    if request.op_handle:
        arguments.append(f"operation {request.op_handle:#x}")
    if request.step:
        pake = request.group == Group.PAKE
        arguments.append(pake_step_text(request.step) if pake else derivation_step_text(request.step))
    return f"{name}({', '.join(arguments)})" if arguments else name


def _uid(head: bytes) -> str:
    return f"uid {int.from_bytes(head, 'little'):#x}" if len(head) == storage.STORAGE_UID_SIZE else ""


def _counter(head: bytes) -> str:
    return f"counter {int.from_bytes(head, 'little')}" if len(head) == platform.NV_COUNTER_ID_SIZE else ""


def _component(head: bytes) -> str:
    return f"component {head[0]}" if len(head) == firmware_update.COMPONENT_SIZE else ""


_STORAGE: Final = {
    storage.TFM_ITS_SET: "set",
    storage.TFM_ITS_GET: "get",
    storage.TFM_ITS_GET_INFO: "get_info",
    storage.TFM_ITS_REMOVE: "remove",
}
_PS_ALONE: Final = {
    storage.TFM_PS_GET_SUPPORT: "get_support",
    storage.TFM_PS_CREATE: "create",
    storage.TFM_PS_SET_EXTENDED: "set_extended",
}
_FWU: Final = {
    firmware_update.TFM_FWU_START: "start",
    firmware_update.TFM_FWU_WRITE: "write",
    firmware_update.TFM_FWU_FINISH: "finish",
    firmware_update.TFM_FWU_CANCEL: "cancel",
    firmware_update.TFM_FWU_INSTALL: "install",
    firmware_update.TFM_FWU_CLEAN: "clean",
    firmware_update.TFM_FWU_REJECT: "reject",
    firmware_update.TFM_FWU_REQUEST_REBOOT: "request_reboot",
    firmware_update.TFM_FWU_ACCEPT: "accept",
    firmware_update.TFM_FWU_QUERY: "query",
}
_NAMES: Final[dict[int, dict[int, str]]] = {
    services.TFM_ATTESTATION_SERVICE_SID: {
        attestation.TFM_ATTEST_GET_TOKEN: "psa_initial_attest_get_token",
        attestation.TFM_ATTEST_GET_TOKEN_SIZE: "psa_initial_attest_get_token_size",
    },
    services.TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_SID: {t: f"psa_its_{n}" for t, n in _STORAGE.items()},
    services.TFM_PROTECTED_STORAGE_SERVICE_SID: {t: f"psa_ps_{n}" for t, n in (_STORAGE | _PS_ALONE).items()},
    services.TFM_PLATFORM_SERVICE_SID: {
        platform.TFM_PLATFORM_API_ID_NV_READ: "tfm_platform_nv_counter_read",
        platform.TFM_PLATFORM_API_ID_NV_INCREMENT: "tfm_platform_nv_counter_increment",
        platform.TFM_PLATFORM_API_ID_SYSTEM_RESET: "tfm_platform_system_reset",
        platform.TFM_PLATFORM_API_ID_IOCTL: "tfm_platform_ioctl",
    },
    services.TFM_FIRMWARE_UPDATE_SERVICE_SID: {t: f"psa_fwu_{n}" for t, n in _FWU.items()},
    services.TFM_MEASURED_BOOT_SID: {
        measured_boot.TFM_MEASURED_BOOT_READ: "tfm_measured_boot_read_measurement",
        measured_boot.TFM_MEASURED_BOOT_EXTEND: "tfm_measured_boot_extend_measurement",
    },
    services.TFM_DELEGATED_ATTESTATION_SID: {
        delegated_attestation.DELEGATED_ATTEST_GET_DELEGATED_KEY: "tfm_delegated_attest_get_delegated_key",
        delegated_attestation.DELEGATED_ATTEST_GET_PLATFORM_TOKEN: "tfm_delegated_attest_get_token",
    },
}
_WITHOUT_ARGUMENT: Final = (platform.TFM_PLATFORM_API_ID_SYSTEM_RESET, platform.TFM_PLATFORM_API_ID_IOCTL)
_ARGUMENTS: Final[dict[int, Callable[[bytes], str]]] = {
    services.TFM_INTERNAL_TRUSTED_STORAGE_SERVICE_SID: _uid,
    services.TFM_PROTECTED_STORAGE_SERVICE_SID: _uid,
    services.TFM_PLATFORM_SERVICE_SID: _counter,
    services.TFM_FIRMWARE_UPDATE_SERVICE_SID: _component,
}
