"""Published vectors in NIST's text form, from the package cryptography-vectors, and cuts of a message."""

from collections.abc import Iterator
from random import Random

import cryptography_vectors


def read(name: str) -> str:
    """A file of the package."""
    with cryptography_vectors.open_vector_file(name, "r") as file:
        return str(file.read())


def records(name: str, first: str = "COUNT", shared: str = "") -> Iterator[dict[str, str]]:
    """The records ``name = value`` of a file; each begins with the field ``first``.

    What stands in front of the first record belongs to all, what stands in brackets to the records below it,
    as ``SECTION`` if it is no field; the field ``shared`` stands in front of several records and belongs to
    those.
    """
    common: dict[str, str] = {}
    record: dict[str, str] | None = None
    for line in map(str.strip, read(name).splitlines()):
        field, equals, value = (part.strip() for part in line.strip("[]").partition("="))
        if line.startswith("["):
            common[field if equals else "SECTION"] = value or field
        elif equals and not line.startswith("#"):
            if field in (first, shared):
                if record is not None:
                    yield record
                record = dict(common) if field == first else None
            (common if record is None else record)[field] = value
    if record is not None:
        yield record


def cut(data: bytes, seed: int) -> list[bytes]:
    """``data`` in a few pieces at random places, empty pieces among them."""
    random = Random(seed)
    places = sorted(random.randint(0, len(data)) for _ in range(random.randint(0, 4)))
    return [data[i:j] for i, j in zip([0, *places], [*places, len(data)], strict=True)]
