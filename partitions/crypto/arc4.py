"""ARC4 with keys of 5 to 256 bytes; `cryptography` takes a few lengths only."""


class Arc4:
    """A key stream, the same for both directions."""

    def __init__(self, key: bytes) -> None:
        table = list(range(256))
        j = 0
        for i in range(256):
            j = (j + table[i] + key[i % len(key)]) % 256
            table[i], table[j] = table[j], table[i]
        self._table, self._i, self._j = table, 0, 0

    def update(self, data: bytes, /) -> bytes:
        table, i, j = self._table, self._i, self._j
        out = bytearray()
        for byte in data:
            i = (i + 1) % 256
            j = (j + table[i]) % 256
            table[i], table[j] = table[j], table[i]
            out.append(byte ^ table[(table[i] + table[j]) % 256])
        self._i, self._j = i, j
        return bytes(out)
