"""The attack library: named mutations of a live token, each with the verdict that it deserves."""

from .judging import CheckedCase, check, forge_all
from .mutation import Deserved, Forgery, Mutation, NotApplicable
from .registry import MUTATIONS, find_mutation
from .subject import Means, Subject

__all__ = [
    "MUTATIONS",
    "CheckedCase",
    "Deserved",
    "Forgery",
    "Means",
    "Mutation",
    "NotApplicable",
    "Subject",
    "check",
    "find_mutation",
    "forge_all",
]
