"""Errors meant for a person: what was wrong, where, and what would be legal."""

from enum import IntEnum


class ExitCode(IntEnum):
    """What a `tfm-sim` command answers to the shell."""

    YES = 0
    NO = 1
    USAGE = 2
    PANIC = 3
    COULD_NOT_ASK = 4


class TfmSimError(Exception):
    """Base of every error that a user can cause; its text is one complete, readable message."""

    exit_code: ExitCode = ExitCode.COULD_NOT_ASK
