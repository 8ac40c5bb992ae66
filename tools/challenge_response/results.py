"""A verifier's result as its reader takes it: an EAR over the nonce, whose signature holds, or nothing."""

from ..appraisal import Ear, check_ear
from ..verifier.keys import KeySource
from .client import Transport, converse
from .conversations import Attested, discover
from .judges import point_of_jwk


def read_result(attested: Attested, base: str, transport: Transport, key: KeySource | None = None) -> Ear:
    """Check the result's signature and nonce, and read it.

    With ``key`` None the verifier itself is asked for its key, which shows no more than that it is of one
    piece. Raises EarInvalid, KeyUnusable, JwkUnusable, CannotAsk.
    """
    if key is None:
        key = point_of_jwk(converse(discover(base), transport).get("ear-verification-key"))
    return check_ear(attested.result, key, nonce=attested.nonce)
