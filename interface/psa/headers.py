"""Everything that the psa/*.h headers name, in one place: ``from tfm_sim import psa``.

Constants, macros and types of PSA Crypto 1.2, Secure Storage 1.0, Initial Attestation, Firmware Update and
FF-M, and each function under its C name, as ``psa.psa_hash_compute(device.ns, psa.PSA_ALG_MD5, b"abc", 16)``.
"""

from .client import *  # noqa: F403
from .crypto import *  # noqa: F403
from .crypto_sizes import *  # noqa: F403
from .crypto_types import *  # noqa: F403
from .crypto_values import *  # noqa: F403
from .firmware_update import *  # noqa: F403
from .initial_attestation import *  # noqa: F403
from .internal_trusted_storage import *  # noqa: F403
from .lifecycle import *  # noqa: F403
from .protected_storage import *  # noqa: F403
from .status import *  # noqa: F403
from .storage_common import *  # noqa: F403
