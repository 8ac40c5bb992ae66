"""How a function of the storage partition ends with another status than PSA_SUCCESS."""


class Refusal(Exception):
    """``status`` is what the function answers; it never leaves the partition."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status
