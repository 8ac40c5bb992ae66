"""Writes docs/profiles.md: what each of TF-M's profiles sets, from the values that builds are made of."""

import sys
from collections.abc import Callable, Sequence
from typing import Final

from ..firmware_profiles import PROFILES, Profile
from ..interface.psa.crypto_values import PSA_ALG_CCM
from ..partitions.crypto.wants import AES_ONLY_128
from ..partitions.protected_storage.config import PsConfig
from .generated_page import write_page
from .option_names import by_kind

HEAD: Final = """\
# TF-M's profiles

A profile is TF-M's name for a set of build options (`-DTFM_PROFILE=profile_small`): which partitions
there are, which algorithms, how far partitions are kept apart, how much fits. Here it is a `Build`:

```python
from tfm_sim import Device, profile

device = Device("an521", build=profile("medium", "an521"))
```

and on the command line `--tfm-profile small`, for `run`, `boot`, `attest` and `trace` (`--profile` is the
profile of the attestation token). An option given beside it goes before the profile: `--tfm-profile small
--optional-claims`. Without a profile a build has the model's own defaults: every partition but firmware
update and measured boot, every algorithm but legacy ones.

What follows is written by `make docs` from `firmware_profiles.py`, which has the values of TF-M's
`config/profile/profile_*.cmake`, `config_profile_*.h` and `crypto_config_profile_*.h`.
"""
TAIL: Final = """\
## Where it ends

- The values are those of a CMake build. A Kconfig build has the optional claims of attestation on in
  every profile.
- An algorithm, key type or size that is out is answered PSA_ERROR_NOT_SUPPORTED, and so is a module or a
  single-part call that is out. A partition that is out has no handle: PSA_ERROR_PROGRAMMER_ERROR.
  Profiles have TF-M's service as it is, so PAKE and the [functions that it
  lacks](crypto.md#functions-that-tf-ms-service-lacks) are out too.
- In builds for AES-128 alone a longer key can still be made, as in TF-PSA-Crypto; using it is
  NOT_SUPPORTED.
- `small` boots one image for both sides. Its own board is `an521_single_image`; on another board the
  number of images is the board's.
- HKDF is out in `small`, so nothing can be derived from the HUK there.
- ITS_BUF_SIZE tells only with the quirk `writes_in_pieces`; stack and heap sizes, the doorbell API and
  MCUboot's fault injection hardening (MEDIUM in `large`) have no part in the model.
"""


def _scratch(profile: Profile) -> str:
    size = profile.crypto.iovec_buffer_size
    return "none: MM-IOVEC" if size > 1 << 16 else f"{size} bytes"


def _ps(value: Callable[[PsConfig], object]) -> Callable[[Profile], object]:
    return lambda p: "-" if p.ps is None else value(p.ps)


ROWS: Final[tuple[tuple[str, Callable[[Profile], object]], ...]] = (
    ("isolation level", lambda p: p.spm.isolation_level),
    ("SPM backend", lambda p: p.spm.backend.value),
    ("connections", lambda p: p.spm.conn_handle_max_num),
    ("images", lambda p: p.image_number or "as the board has"),
    ("crypto, internal trusted storage, attestation", lambda p: True),
    ("protected storage", lambda p: p.ps is not None),
    ("platform service", lambda p: p.platform is not None),
    ("firmware update", lambda p: p.firmware_update is not None),
    ("attestation key", lambda p: "symmetric (HMAC)" if p.attestation.symmetric else "P-256"),
    ("optional claims", lambda p: p.attestation.optional_claims),
    ("token profile", lambda p: p.attestation.variant.value),
    ("concurrent operations", lambda p: p.crypto.concurrent_operations),
    ("scratch buffer for vectors", _scratch),
    ("single-part calls", lambda p: p.crypto.single_part_functions),
    ("module hash, MAC, AEAD, key derivation", lambda p: True),
    ("module cipher", lambda p: p.crypto.cipher_module),
    ("module asymmetric signature", lambda p: p.crypto.asym_sign_module),
    ("module asymmetric encryption", lambda p: p.crypto.asym_encrypt_module),
    ("AES keys", lambda p: "128 bits" if AES_ONLY_128 in p.crypto.wants else "128, 192, 256 bits"),
    ("ITS: assets, bytes each", lambda p: f"{p.its.num_assets}, {p.its.max_asset_size}"),
    ("ITS_BUF_SIZE", lambda p: p.its.buf_size or p.its.max_asset_size),
    (
        "PS: assets, bytes each",
        _ps(lambda ps: f"{ps.num_assets}, {ps.max_asset_size}"),
    ),
    ("PS: AEAD", _ps(lambda ps: "CCM" if ps.aead_alg == PSA_ALG_CCM else "GCM")),
    ("PS: rollback protection", _ps(lambda ps: ps.rollback_protection)),
)


def _cell(value: object) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _table(rows: Sequence[tuple[str, Sequence[str]]]) -> list[str]:
    lines = [f"| | {' | '.join(PROFILES)} |", "|---" * (1 + len(PROFILES)) + "|"]
    return lines + [f"| {name} | {' | '.join(cells)} |" for name, cells in rows]


def render() -> str:
    """The page."""
    profiles = list(PROFILES.values())
    options = _table([(name, [_cell(value(p)) for p in profiles]) for name, value in ROWS])
    kinds = [by_kind(p.crypto.wants) for p in profiles]
    algorithms = _table(
        [(kind, [", ".join(names[kind]) or "-" for names in kinds]) for kind in kinds[0]],
    )
    parts = [HEAD, "## Options\n", *options, "\n## Algorithms, key types and curves\n", *algorithms]
    return "\n".join(parts) + "\n\n" + TAIL


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page to the file that the one argument names; returns the exit code."""
    return write_page("profile_page", sys.argv[1:] if arguments is None else arguments, render)


if __name__ == "__main__":
    sys.exit(main())
