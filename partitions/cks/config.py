"""What a build of Customer Key Storage has."""

from dataclasses import dataclass
from typing import Final

CKS_USER_KEYS: Final = 100
"""AN5185 5.1: beside the master key."""


@dataclass(frozen=True, slots=True)
class CksConfig:
    """``user_keys`` is how many keys can ever be stored, 1 to 100."""

    user_keys: int = CKS_USER_KEYS

    def __post_init__(self) -> None:
        if not 1 <= self.user_keys <= CKS_USER_KEYS:
            raise ValueError(f"CksConfig: user_keys {self.user_keys}; legal: 1 to {CKS_USER_KEYS}")
