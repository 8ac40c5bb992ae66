"""Certificates as files have them: DER, or PEM with one or more."""

import base64
import binascii
import re
from typing import Final

from .output import FileUnreadable, display, read_file

_PEM: Final = re.compile(rb"-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]*)-----END CERTIFICATE-----")


def read_certificates(file: str) -> list[bytes]:
    """The certificates in a file, DER; what is no PEM is taken as one. Raises FileUnreadable."""
    data = read_file(file)
    if b"-----BEGIN" not in data:
        return [data]
    try:
        found = [base64.b64decode(b"".join(body.split()), validate=True) for body in _PEM.findall(data)]
    except binascii.Error:
        found = []
    if not found:
        raise FileUnreadable(
            f"{display(file)}: no certificate in this PEM; legal: blocks CERTIFICATE, or DER"
        )
    return found


def read_one_certificate(file: str) -> bytes:
    """Where there must be one. Raises FileUnreadable."""
    certificates = read_certificates(file)
    if len(certificates) != 1:
        raise FileUnreadable(f"{display(file)}: {len(certificates)} certificates; legal: one")
    return certificates[0]
