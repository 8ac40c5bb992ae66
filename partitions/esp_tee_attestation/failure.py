"""How a token comes to nothing, inside the partition."""


class AttFailure(Exception):
    """``error`` is the ``esp_err_t`` that the caller gets; it never leaves the partition."""

    def __init__(self, error: int) -> None:
        super().__init__(hex(error))
        self.error = error
