"""COSE_Sign1 and COSE_Mac0 around a payload (RFC 9052), byte by byte as TF-M's encoder lays them out."""

from dataclasses import dataclass
from typing import Final

import cbor2

from ...interface.tfm.cbor_items import join_map, wrap

COSE_SIGN1_TAG: Final = b"\xd2"
COSE_MAC0_TAG: Final = b"\xd1"
_ARRAY_OF_4: Final = b"\x84"
_ARRAY_OF_5: Final = b"\x85"
_EMPTY_BSTR: Final = b"\x40"
_KEY_ID_LABEL: Final = 4
_ALG_LABEL: Final = 1


@dataclass(frozen=True, slots=True)
class Envelope:
    """A COSE message but for its payload and its signature or tag.

    ``tag``, ``array_head``, ``protected`` and ``unprotected`` headers make ``head``, all that precedes the
    payload; ``authenticated`` is what precedes it in the structure that is signed, Sig_structure or
    MAC_structure. With ``bare_payload`` the claims follow there without the byte string around them.
    """

    tag: bytes
    protected: bytes
    unprotected: bytes
    head: bytes
    authenticated: bytes
    bare_payload: bool = False
    array_head: bytes = _ARRAY_OF_4

    def to_be_signed(self, payload: bytes) -> bytes:
        """``payload`` is the encoded byte string around the claims."""
        if self.bare_payload:
            payload = cbor2.loads(payload)
        return self.authenticated + payload

    def message(self, payload: bytes, signature: bytes) -> bytes:
        return self.head + payload + cbor2.dumps(signature)

    def message_size(self, payload: bytes, signature_length: int) -> int:
        """The message's length in bytes, without a signature at hand."""
        return len(self.head) + len(payload) + len(cbor2.dumps(signature_length)) + signature_length


def make_envelope(
    alg: int, key_id: bytes, *, symmetric: bool, april_2019: bool = False, copied_header: bool = False
) -> Envelope:
    """The headers for a COSE algorithm: it alone is protected; a key id that is not empty is unprotected.

    ``copied_header`` has the protected one as a string that was made apart (TF-M's t_cose until 2.1).

    ``april_2019`` has what is signed as TF-M's t_cose had it until 10 May 2019: an array of five announced,
    an empty sign_protected in it that belongs to COSE_Sign, no external_aad, and the payload without a head.
    """
    tag, context = (COSE_MAC0_TAG, "MAC0") if symmetric else (COSE_SIGN1_TAG, "Signature1")
    protected: bytes = wrap(join_map((cbor2.dumps(_ALG_LABEL), cbor2.dumps(alg))))
    if copied_header:
        protected = bytes(protected)
    unprotected = join_map((cbor2.dumps(_KEY_ID_LABEL), cbor2.dumps(key_id)) if key_id else ())
    return Envelope(
        tag=tag,
        protected=protected,
        unprotected=unprotected,
        head=tag + _ARRAY_OF_4 + protected + unprotected,
        authenticated=(_ARRAY_OF_5 if april_2019 else _ARRAY_OF_4)
        + cbor2.dumps(context)
        + protected
        + _EMPTY_BSTR,
        bare_payload=april_2019,
    )
