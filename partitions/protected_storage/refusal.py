"""How the service gives up."""


class PsRefused(Exception):
    """The status that the client gets; it never leaves the partition."""

    def __init__(self, status: int, why: str = "", blocks: int = 0) -> None:
        super().__init__(f"{status} {why}".rstrip())
        self.status = status
        self.blocks = blocks
        """Blocks that an object's key has decrypted for nothing."""


class NoValidTable(PsRefused):
    """Storage that holds no object table which the counters vouch for."""
