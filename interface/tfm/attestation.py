"""How requests travel to TF-M's attestation service, and the claims that it emits."""

from typing import Final

TFM_ATTEST_GET_TOKEN: Final = 1001
"""in[0] challenge, out[0] token."""
TFM_ATTEST_GET_TOKEN_SIZE: Final = 1002
"""in[0] challenge size, out[0] token size, each a 4-byte little-endian integer."""
TFM_ATTEST_SIZE_LENGTH: Final = 4
TFM_ATTEST_GET_TOKEN_VENEER: Final = 0x2019
"""Of the service of 2019, by a number of ours: the library model's secure function, called with pointers.

in[0] and in[1] are the caller's psa_invec and psa_outvec as they lie in C (u32 base, u32 length, little
endian) for challenge and token; out[0] gets the psa_outvec back.
"""
