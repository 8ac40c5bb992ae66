"""Attestation by an STM32's wrapped DUA key: a test chain in ST's place, and the verifier."""

from .chain import ChainVerdict, Link, verify_chain
from .kinds import Kind
from .verify import DuaVerdict, verify

__all__ = ["ChainVerdict", "DuaVerdict", "Kind", "Link", "verify", "verify_chain"]
