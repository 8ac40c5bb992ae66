"""PSA Crypto API, client side: every function packs a request as TF-M's client library does and calls.

Functions with an output buffer take its size and return (status, bytes written), the bytes empty unless the
status is PSA_SUCCESS; the others return the status. Operation objects keep the service's handle. Written
apart by subject; this module gathers them, as psa/crypto.h does.
"""

from .crypto_attributes import *  # noqa: F403
from .crypto_ciphers import *  # noqa: F403
from .crypto_digests import *  # noqa: F403
from .crypto_kdf import *  # noqa: F403
from .crypto_keys import *  # noqa: F403
from .crypto_pake_calls import *  # noqa: F403
from .crypto_public_key import *  # noqa: F403
