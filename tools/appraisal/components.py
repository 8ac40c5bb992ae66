"""Software components of evidence against reference values: the default mode's comparison.

Unlike Veraison it compares the signer, misses components that are endorsed and absent, and lets several
references share a digest.
"""

from collections.abc import Container, Iterator, Sequence

from ..endorsements.model import ReferenceValue
from .ar4si import APPROVED, UNRECOGNISED, TrustClaim
from .evidence import Component
from .policy import Match


def compare_components(
    components: Sequence[Component], references: Sequence[ReferenceValue], match: Match
) -> Iterator[TrustClaim]:
    """Statements about the executables; ``references`` are those of the device's implementation id."""
    if not components and not references:
        yield TrustClaim(why=("neither evidence nor endorsements name a component",))
        return
    holders: dict[ReferenceValue, int] = {}
    fitting: list[list[ReferenceValue]] = []
    problems: list[str] = []
    for component in components:
        found = find_reference(component, references)
        if isinstance(found, str):
            problems.append(found)
            continue
        fitting.append(found)
        if not _assign(len(fitting) - 1, fitting, holders, set()) and match is Match.EXACT:
            problems.append(f"{component}: occurs twice, endorsed once")
    if match is Match.EXACT:
        problems += _absent(components, references, holders)
    if problems:
        yield TrustClaim(UNRECOGNISED, tuple(problems))
    else:
        yield TrustClaim(APPROVED, (f"all {len(components)} components are endorsed",))


def _assign(
    number: int,
    fitting: Sequence[Sequence[ReferenceValue]],
    holders: dict[ReferenceValue, int],
    asked: set[ReferenceValue],
) -> bool:
    """Find a component one of its fitting references, if need be by moving those that hold one (Kuhn)."""
    for reference in fitting[number]:
        if reference in asked:
            continue
        asked.add(reference)
        if reference not in holders or _assign(holders[reference], fitting, holders, asked):
            holders[reference] = number
            return True
    return False


def find_reference(component: Component, references: Sequence[ReferenceValue]) -> list[ReferenceValue] | str:
    """The references that a component fulfils, or one sentence about what keeps it from the nearest."""
    candidates = [r for r in references if any(digest.value == component.value for digest in r.digests)]
    if not candidates:
        same = sorted({r.version for r in references if r.version and r.type == component.type})
        hint = f"; endorsed of {component.type}: {', '.join(same)}" if same and component.type else ""
        return f"{component}: its measurement is not endorsed{hint}"
    signed = [r for r in candidates if r.signer_id in (None, component.signer_id)]
    if not signed:
        wanted = ", ".join(sorted({r.signer_id.hex()[:16] for r in candidates if r.signer_id}))
        found = component.signer_id.hex()[:16] if component.signer_id else "none"
        return f"{component}: signer {found}..., endorsed is {wanted}..."
    typed = [r for r in signed if r.type in (None, component.type)]
    if not typed:
        return f"{component}: endorsed as {', '.join(sorted({r.type for r in signed if r.type}))}"
    fitting = [r for r in typed if r.version in (None, component.version)]
    if not fitting:
        return (
            f"{component}: endorsed as version {', '.join(sorted({r.version for r in typed if r.version}))}"
        )
    return fitting


def _absent(
    components: Sequence[Component], references: Sequence[ReferenceValue], used: Container[ReferenceValue]
) -> Iterator[str]:
    """References of one type are alternatives; one without a type stands for itself."""
    present = {component.type for component in components}  # endorsed or not: that is told already
    told = set()
    for reference in references:
        if reference.type is None:
            if reference not in used:
                yield f"an endorsed component ({_digest(reference)}...) is absent"
        elif reference.type not in present and reference.type not in told:
            told.add(reference.type)
            yield f"{reference.type}: endorsed, but absent"


def _digest(reference: ReferenceValue) -> str:
    return reference.digests[0].value.hex()[:16] if reference.digests else "without digest "
