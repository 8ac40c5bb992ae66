"""Partitions of the SFN model: TF-M's generic loop on the IPC backend, direct calls on the SFN backend."""

from typing import TYPE_CHECKING

from ..interface.psa.service import PSA_BLOCK, psa_msg_t
from ..interface.psa.status import PSA_ERROR_PROGRAMMER_ERROR, PSA_SUCCESS
from . import service_api
from .c_types import plain_int
from .client import Partition
from .connection import Connection
from .messages import complete, reply
from .outcome import Fault, Nobody, Outcome
from .panic import words_of

if TYPE_CHECKING:
    from .kernel import Kernel
    from .service import Service


def sfn_loop(spm: "Kernel", partition: Partition) -> None:
    """TF-M IPC backend: an SFN partition's thread waits, gets, calls, replies with what the function returns.

    Of several asserted signals the lowest is served first.
    """
    # TF-M IPC backend: the init function of an SFN partition must return exactly PSA_SUCCESS.
    status = initialise(spm, partition)
    if status != PSA_SUCCESS:
        spm.panic_of(Fault(partition, "entry_init: success", f"status {status}", "PSA_SUCCESS"))
    mask = sum(partition.service_by_signal)
    if not mask:
        mask = partition.assigned
    while True:
        signals = spm.leave(partition, service_api.wait(spm, partition, mask, PSA_BLOCK))
        for signal, service in partition.service_by_signal.items():
            if signals & signal:
                msg = psa_msg_t()
                if spm.leave(partition, service_api.get(spm, partition, signal, msg)) == PSA_SUCCESS:
                    connection = spm.handles[msg.handle]
                    spm.leave(partition, reply(spm, partition, connection, _call(spm, service, msg)))


def serve(spm: "Kernel", connection: Connection) -> Outcome:
    """TF-M SFN backend: run the service's function in its client's thread."""
    service = connection.service
    partition = service.partition
    msg = psa_msg_t()
    connection.fill(msg)
    status: object = PSA_SUCCESS if partition.initialised else initialise(spm, partition)
    # TF-M SFN backend: a partition that cannot initialise answers its first request PROGRAMMER_ERROR.
    if not isinstance(status, int) or status < PSA_SUCCESS:
        status = PSA_ERROR_PROGRAMMER_ERROR
    else:
        status = _call(spm, service, msg)
    answer = complete(spm, partition, connection, status)
    return PSA_SUCCESS if isinstance(answer, Nobody) else answer


def initialise(spm: "Kernel", partition: Partition) -> object:
    """Run ``entry_init``: at boot, or on the SFN backend when another's initialisation needs it.

    Once, but where it fails: TF-M's SFN backend tries again with the next message.
    """
    partition.initialised = True
    spm.tell_start(partition)
    entry = partition.manifest.entry
    if not entry:
        return PSA_SUCCESS
    result = spm.run_code_of(partition, getattr(partition.program, entry))
    status = plain_int(result)
    partition.initialised = status is not None and status >= PSA_SUCCESS
    return words_of(result) if status is None else status


def _call(spm: "Kernel", service: "Service", msg: psa_msg_t) -> object:
    sfn = service.sfn
    assert sfn is not None
    try:
        status = sfn(msg)
    except BaseException as error:
        spm.raise_fault_in(service.partition, error)
    # A panic stays one although the function may have caught what was raised in it.
    if spm.down is not None:
        raise spm.gone()
    return status
