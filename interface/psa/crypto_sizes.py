"""PSA Crypto API 1.2: every buffer size of psa/crypto_sizes.h. All are in bytes unless named bits.

Written apart by subject; this module gathers them, as the C header does.
"""

from .crypto_cipher_sizes import *  # noqa: F403
from .crypto_digest_sizes import *  # noqa: F403
from .crypto_key_sizes import *  # noqa: F403
from .crypto_pake_sizes import *  # noqa: F403
