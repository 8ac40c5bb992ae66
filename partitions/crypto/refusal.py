"""How a function of the service gives up."""


class Refusal(Exception):
    """The status that the client gets; it never leaves the partition."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status
