"""COSE_Sign1 and COSE_Mac0 around a payload (RFC 9052), byte by byte as TF-M's encoder lays them out."""

from dataclasses import dataclass
from typing import Final

import cbor2

COSE_SIGN1_TAG: Final = b"\xd2"
COSE_MAC0_TAG: Final = b"\xd1"
_ARRAY_OF_4: Final = b"\x84"
_EMPTY_BSTR: Final = b"\x40"
_KEY_ID_LABEL: Final = 4
_ALG_LABEL: Final = 1


@dataclass(frozen=True, slots=True)
class Envelope:
    """A COSE message but for its payload and its signature or tag.

    ``head`` is all that precedes the payload; ``authenticated`` is what precedes it in the structure that is
    signed, Sig_structure or MAC_structure.
    """

    head: bytes
    authenticated: bytes

    def to_be_signed(self, payload: bytes) -> bytes:
        """``payload`` is the encoded byte string around the claims."""
        return self.authenticated + payload

    def message(self, payload: bytes, signature: bytes) -> bytes:
        return self.head + payload + cbor2.dumps(signature)

    def message_size(self, payload: bytes, signature_length: int) -> int:
        """The message's length in bytes, without a signature at hand."""
        return len(self.head) + len(payload) + len(cbor2.dumps(signature_length)) + signature_length


def make_envelope(alg: int, key_id: bytes, *, symmetric: bool) -> Envelope:
    """The headers for a COSE algorithm: it alone is protected; a key id that is not empty is unprotected."""
    tag, context = (COSE_MAC0_TAG, "MAC0") if symmetric else (COSE_SIGN1_TAG, "Signature1")
    protected = cbor2.dumps(cbor2.dumps({_ALG_LABEL: alg}))
    unprotected = cbor2.dumps({_KEY_ID_LABEL: key_id} if key_id else {})
    return Envelope(
        head=tag + _ARRAY_OF_4 + protected + unprotected,
        authenticated=_ARRAY_OF_4 + cbor2.dumps(context) + protected + _EMPTY_BSTR,
    )
