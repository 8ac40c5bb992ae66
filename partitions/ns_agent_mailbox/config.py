"""What is decided about the mailbox agent when firmware for a board is built."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MailboxConfig:
    """``queue`` and ``mhu`` are the addresses of the mailbox queue and of the MHU's registers.

    ``client_id_base`` and ``client_id_limit`` are the ends of the range in the agent's manifest: what the
    services see is ``client_id_limit`` for the non-secure id -1, one less for -2, and so on.
    """

    queue: int
    mhu: int
    client_id_base: int
    client_id_limit: int
