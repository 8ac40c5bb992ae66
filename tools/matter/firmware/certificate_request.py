"""PKCS#10 on the device: a small DER writer and the certificate requests made of it (RFC 2986).

The writer knows the few types that a request of a P-256 key has. Signatures come from whoever holds the key.
"""

from collections.abc import Callable, Sequence
from typing import Final

COMMON_NAME: Final = (2, 5, 4, 3)
ORGANIZATION: Final = (2, 5, 4, 10)
ORGANIZATIONAL_UNIT: Final = (2, 5, 4, 11)
MATTER_VENDOR_ID: Final = (1, 3, 6, 1, 4, 1, 37244, 2, 1)
MATTER_PRODUCT_ID: Final = (1, 3, 6, 1, 4, 1, 37244, 2, 2)
_EC_PUBLIC_KEY: Final = (1, 2, 840, 10045, 2, 1)
_PRIME256V1: Final = (1, 2, 840, 10045, 3, 1, 7)
_ECDSA_WITH_SHA256: Final = (1, 2, 840, 10045, 4, 3, 2)
_EXTENSION_REQUEST: Final = (1, 2, 840, 113549, 1, 9, 14)

_INTEGER, _BIT_STRING, _OID, _UTF8_STRING, _SEQUENCE, _SET = 0x02, 0x03, 0x06, 0x0C, 0x30, 0x31
_ATTRIBUTES: Final = 0xA0

Sign = Callable[[bytes], bytes]
"""A message in; r and s of ECDSA with SHA-256 out, 32 bytes each."""


def certificate_request(
    subject: Sequence[tuple[tuple[int, ...], str]], public_key: bytes, sign: Sign
) -> bytes:
    """A PKCS#10 request, DER: version 0, ``subject``, the P-256 key, one empty extension request.

    ``subject`` has one attribute a name, in order; values are UTF8String. ``public_key`` is 65 bytes, the
    uncompressed point. Matter 1.4 6.1.4: signed with ecdsa-with-SHA256 by the key itself.
    """
    names = b"".join(
        _tlv(_SET, _tlv(_SEQUENCE, _oid(oid), _tlv(_UTF8_STRING, value.encode()))) for oid, value in subject
    )
    key = _tlv(
        _SEQUENCE,
        _tlv(_SEQUENCE, _oid(_EC_PUBLIC_KEY), _oid(_PRIME256V1)),
        _tlv(_BIT_STRING, b"\0", public_key),
    )
    attribute = _tlv(_SEQUENCE, _oid(_EXTENSION_REQUEST), _tlv(_SET, _tlv(_SEQUENCE)))
    info = _tlv(_SEQUENCE, _tlv(_INTEGER, b"\0"), _tlv(_SEQUENCE, names), key, _tlv(_ATTRIBUTES, attribute))
    signature = der_signature(sign(info))
    return _tlv(
        _SEQUENCE, info, _tlv(_SEQUENCE, _oid(_ECDSA_WITH_SHA256)), _tlv(_BIT_STRING, b"\0", signature)
    )


def der_signature(raw: bytes) -> bytes:
    """ECDSA-Sig-Value of r and s, half of ``raw`` each (RFC 3279 2.2.3)."""
    half = len(raw) // 2
    return _tlv(_SEQUENCE, _unsigned(raw[:half]), _unsigned(raw[half:]))


def _unsigned(number: bytes) -> bytes:
    """An INTEGER from big endian bytes: no leading zeros but the one that keeps it positive."""
    digits = number.lstrip(b"\0") or b"\0"
    return _tlv(_INTEGER, b"\0" * (digits[0] >> 7), digits)


def _oid(arcs: tuple[int, ...]) -> bytes:
    first, second, *rest = arcs
    return _tlv(_OID, *(_base128(arc) for arc in (40 * first + second, *rest)))


def _base128(arc: int) -> bytes:
    digits = [arc & 0x7F]
    while arc := arc >> 7:
        digits.append(arc & 0x7F | 0x80)
    return bytes(reversed(digits))


def _tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes((tag, len(body))) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + body
