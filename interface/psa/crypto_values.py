"""PSA Crypto API 1.2: every number and macro of psa/crypto_values.h under one name.

Written apart by subject; this module gathers them, as the C header does.
"""

from typing import Final

from .crypto_algorithms import *  # noqa: F403
from .crypto_asymmetric import *  # noqa: F403
from .crypto_derivation import *  # noqa: F403
from .crypto_key_types import *  # noqa: F403
from .crypto_pake import *  # noqa: F403
from .crypto_policy import *  # noqa: F403
from .crypto_symmetric import *  # noqa: F403

PSA_CRYPTO_API_VERSION_MAJOR: Final = 1
PSA_CRYPTO_API_VERSION_MINOR: Final = 2
