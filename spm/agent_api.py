"""Calls of a mailbox agent for the clients of another core: none of them blocks (TF-M NS agent, mailbox).

Every request is answered, at once or later, by ASYNC_MSG_REPLY: psa_get of that signal delivers the oldest
answer, with the request's ``client_data`` as rhandle and the client's value as type.
"""

from typing import TYPE_CHECKING

from ..interface.psa.status import PSA_ERROR_INVALID_ARGUMENT, PSA_SUCCESS
from ..interface.tfm.mailbox import ASYNC_MSG_REPLY
from . import client_api
from .client import NonSecureClient, Partition
from .client_api import DescriptorArray
from .messages import assert_signal
from .outcome import BLOCKED, Fault, Outcome

if TYPE_CHECKING:
    from .kernel import Kernel


class MailboxClient(NonSecureClient):
    """A client of the other core, for one request; its answer goes to the agent."""

    __slots__ = ("agent", "client_data")

    def __init__(self, agent: Partition, client_id: int, client_data: int) -> None:
        assert agent.manifest.client_ids is not None  # judged before
        ns_id = client_id - agent.manifest.client_ids.limit - 1
        super().__init__(f"NS client {ns_id}", client_id, agent.thread)
        self.agent = agent
        self.client_data = client_data

    def answer(self, spm: "Kernel", value: int) -> None:
        self.agent.replies.append((self.client_data, value))
        assert_signal(spm, self.agent, ASYNC_MSG_REPLY)


def agent_psa_connect(
    spm: "Kernel", caller: Partition, sid: int, version: int, ns_client_id: int, client_data: int
) -> Outcome:
    """TF-M agent_psa_connect: psa_connect for the client ``ns_client_id``."""
    client = _client_of(caller, ns_client_id, client_data, "agent_psa_connect")
    if not isinstance(client, MailboxClient):
        return client
    return _begun(spm, client, client_api.psa_connect(spm, client, sid, version))


def agent_psa_call(
    spm: "Kernel",
    caller: Partition,
    handle: int,
    type_: int,
    in_vec: tuple[int, int],
    out_vec: tuple[int, int],
    ns_client_id: int,
    client_data: int,
) -> Outcome:
    """TF-M agent_psa_call: psa_call; ``in_vec`` and ``out_vec`` are (address, count) of descriptors."""
    client = _client_of(caller, ns_client_id, client_data, "agent_psa_call")
    if not isinstance(client, MailboxClient):
        return client
    arrays = DescriptorArray(*in_vec), DescriptorArray(*out_vec)
    return _begun(spm, client, client_api.psa_call(spm, client, handle, type_, *arrays))


def agent_psa_close(
    spm: "Kernel", caller: Partition, handle: int, ns_client_id: int, client_data: int
) -> Outcome:
    """TF-M agent_psa_close: psa_close for the client ``ns_client_id``."""
    client = _client_of(caller, ns_client_id, client_data, "agent_psa_close")
    if not isinstance(client, MailboxClient):
        return client
    return _begun(spm, client, client_api.psa_close(spm, client, handle))


def _client_of(
    caller: Partition, ns_client_id: int, client_data: int, call: str
) -> MailboxClient | Fault | int:
    # TF-M NS agent: only a partition whose manifest says ns_agent calls for others.
    if not caller.manifest.ns_agent:
        return Fault(caller, f"{call}: an NS agent", caller.name, "ns_agent: true in the manifest")
    ids = caller.manifest.client_ids
    # TF-M mailbox: an id out of the agent's range is answered INVALID_ARGUMENT, without a panic.
    if ids is None or not ids.base <= ns_client_id <= ids.limit:
        return PSA_ERROR_INVALID_ARGUMENT
    return MailboxClient(caller, ns_client_id, client_data)


def _begun(spm: "Kernel", client: MailboxClient, outcome: Outcome) -> Outcome:
    """What the SPM answers at once goes the same way as what a service answers later."""
    if outcome is BLOCKED:
        return PSA_SUCCESS
    client.answer(spm, spm.settle_fault(outcome) if isinstance(outcome, Fault) else int(outcome))
    return PSA_SUCCESS
