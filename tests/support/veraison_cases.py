"""Asking for an appraisal as Veraison does it, and saying what should come of it."""

from support.appraisal_cases import CHALLENGE, endorsed

from tfm_sim.tools.appraisal import Appraisal, Member, Mode, appraise
from tfm_sim.tools.endorsements.model import Endorsements

ALL = list(Member)
II, CONF, EXE, HW, RT, ST = (
    Member.INSTANCE_IDENTITY,
    Member.CONFIGURATION,
    Member.EXECUTABLES,
    Member.HARDWARE,
    Member.RUNTIME_OPAQUE,
    Member.STORAGE_OPAQUE,
)
GOOD = {II: 2, EXE: 2, HW: 2, RT: 2, ST: 2}
IDENTITY = "could not establish identity from evidence"
INTEGRITY = "integrity validation failed: bad evidence: "


def veraison(
    token: bytes,
    endorsements: Endorsements | None = None,
    challenge: bytes = CHALLENGE,
    media_type: str | None = None,
) -> Appraisal:
    return appraise(
        token,
        endorsed() if endorsements is None else endorsements,
        mode=Mode.VERAISON,
        challenge=challenge,
        media_type=media_type,
    )


def said(appraisal: Appraisal) -> tuple[str, str, dict[Member, int], object]:
    """Name, status, vector and problem of the only submod."""
    (part,) = appraisal.submods
    return part.name, part.status.label, part.vector.values(), part.policy_claims.get("problem")


def failed(problem: str, scheme: str = "PSA_IOT") -> tuple[str, str, dict[Member, int], object]:
    return scheme, "contraindicated", dict.fromkeys(ALL, 99), problem
