"""How requests travel to TF-M's attestation service, and the claims that it emits."""

from typing import Final

TFM_ATTEST_GET_TOKEN: Final = 1001
"""in[0] challenge, out[0] token."""
TFM_ATTEST_GET_TOKEN_SIZE: Final = 1002
"""in[0] challenge size, out[0] token size, each a 4-byte little-endian integer."""
TFM_ATTEST_SIZE_LENGTH: Final = 4
