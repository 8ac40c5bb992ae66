"""The software components: taken away, added, swapped, malformed."""

from collections.abc import Callable

from ..tokens.cbor_writer import join_array, join_map, write_bytes, write_int, write_text
from ..verifier import Kind, cbor
from .anatomy import RawMap
from .labels import Family
from .mutation import ACCEPTED, Rule, ignored, refused
from .payloads import both, put, signed
from .subject import Target
from .traits import (
    HAS_COMPONENTS,
    TWO_COMPONENTS,
    components,
    has,
    in_component,
    knows,
    of,
)

COMPONENT = Rule("a component is a map; its measurement and signer are mandatory", "RFC 9783 4.4.1")
EITHER = Rule("components, or the claim that there are none: one of them", "PSA_IOT_PROFILE_1")


IGNORED = ignored(Kind.CLAIM_UNKNOWN)


PSA_1 = of(Family.PSA_1)
SIGNER_DEMANDED = of(*(family for family in Family if family is not Family.TFM_2019))


def with_components(change: Callable[[list[RawMap], Target], list[bytes]]) -> Callable[[Target], bytes]:
    """The payload with other components."""
    return lambda t: t.claims.put(t.label("components"), join_array(change(components(t), t))).encode()


def first(change: Callable[[RawMap, Target], bytes]) -> Callable[[Target], bytes]:
    """The payload with another first component."""
    return with_components(
        lambda items, target: [change(items[0], target), *(item.encode() for item in items[1:])]
    )


def encoded(items: list[RawMap]) -> list[bytes]:
    return [item.encode() for item in items]


def _new_component(target: Target) -> bytes:
    pairs = ((1, write_text("MALWARE")), (4, write_text("6.6.6")))
    hashes = ((5, write_bytes(target.means.material("signer", 32))), (2, write_bytes(bytes(32))))
    return join_map([(write_int(key), value) for key, value in (*pairs, *hashes)])


def _other_octets(label: str) -> Callable[[RawMap, Target], bytes]:
    """Other bytes of the same size under key 2 (measurement) or 5 (signer)."""
    key = {"measurement": 2, "signer": 5}[label]

    def change(item: RawMap, target: Target) -> bytes:
        old = cbor.read(item.get(key) or b"\x40")
        size = len(old.value) if isinstance(old, cbor.Bytes) else 32
        return item.put(key, write_bytes(target.means.material(label, size))).encode()

    return change


def _no_measurements(target: Target) -> bytes:
    claims = target.claims.without(target.label("components"))
    return claims.put(target.label("no-measurements"), write_int(1)).encode()


NO_MEASUREMENTS = (
    signed(
        "no-measurements-beside",
        "components, and the claim that there are none",
        refused(Kind.CLAIM_CONFLICT),
        EITHER,
        put("no-measurements", write_int(1)),
        PSA_1,
        has("components"),
    ),
    signed(
        "no-measurements-instead",
        "the claim that there are no measurements in place of the components",
        ACCEPTED,
        EITHER,
        _no_measurements,
        PSA_1,
        has("components"),
    ),
    signed(
        "no-measurements-2",
        "the claim that there are no measurements, with value 2",
        refused(Kind.CLAIM_VALUE),
        EITHER,
        put("no-measurements", write_int(2)),
        PSA_1,
    ),
)
COMPONENTS = (
    *both(
        "component-removed",
        "takes a component away",
        with_components(lambda items, _: encoded(items[1:])),
        TWO_COMPONENTS,
    ),
    *both(
        "component-added",
        "adds a component",
        with_components(lambda items, t: [*encoded(items), _new_component(t)]),
        HAS_COMPONENTS,
    ),
    *both(
        "component-repeated",
        "the first component twice",
        with_components(lambda items, _: encoded([items[0], *items])),
        HAS_COMPONENTS,
    ),
    *both(
        "version-downgraded",
        "the first component's version lowered to 0.0.1",
        first(lambda item, _: item.put(4, write_text("0.0.1")).encode()),
        in_component(4, "a version"),
    ),
    *both(
        "signer-swapped",
        "the first component signed by another",
        first(_other_octets("signer")),
        in_component(5, "a signer"),
    ),
    *both(
        "measurement-swapped",
        "another measurement of the first component",
        first(_other_octets("measurement")),
        in_component(2, "a measurement"),
    ),
    *both(
        "component-renamed",
        "another type of the first component",
        first(lambda item, _: item.put(1, write_text("M1")).encode()),
        in_component(1, "a type"),
    ),
    signed(
        "components-emptied",
        "an array of no components",
        refused(Kind.CLAIM_LENGTH),
        Rule("one component or more", "RFC 9783 4.4.1"),
        put("components", join_array([])),
        knows("components"),
    ),
    signed(
        "components-as-map",
        "a component in place of the array",
        refused(Kind.CLAIM_TYPE),
        COMPONENT,
        put("components", lambda t: components(t)[0].encode()),
        HAS_COMPONENTS,
    ),
    signed(
        "component-as-integer",
        "an integer among the components",
        refused(Kind.CLAIM_TYPE),
        COMPONENT,
        with_components(lambda items, _: [*encoded(items), write_int(1)]),
        HAS_COMPONENTS,
    ),
    signed(
        "measurement-removed",
        "a component without a measurement",
        refused(Kind.CLAIM_MISSING),
        COMPONENT,
        first(lambda item, _: item.without(2).encode()),
        in_component(2, "a measurement"),
    ),
    signed(
        "signer-removed",
        "a component without a signer",
        refused(Kind.CLAIM_MISSING),
        COMPONENT,
        first(lambda item, _: item.without(5).encode()),
        in_component(5, "a signer"),
        SIGNER_DEMANDED,
    ),
    signed(
        "signer-removed-2019",
        "a component without a signer in a token of 2019",
        ACCEPTED,
        Rule("the signer is recommended", "TF-M attest_core, 2019"),
        first(lambda item, _: item.without(5).encode()),
        of(Family.TFM_2019),
        in_component(5, "a signer"),
    ),
    signed(
        "measurement-20-bytes",
        "a measurement of 20 bytes",
        refused(Kind.CLAIM_LENGTH),
        COMPONENT,
        first(lambda item, _: item.put(2, write_bytes(bytes(20))).encode()),
        HAS_COMPONENTS,
    ),
    signed(
        "signer-33-bytes",
        "a signer of 33 bytes",
        refused(Kind.CLAIM_LENGTH),
        COMPONENT,
        first(lambda item, _: item.put(5, write_bytes(bytes(33))).encode()),
        HAS_COMPONENTS,
    ),
    signed(
        "measurement-as-text",
        "a measurement in hex as text",
        refused(Kind.CLAIM_TYPE),
        COMPONENT,
        first(lambda item, _: item.put(2, write_text("00" * 32)).encode()),
        HAS_COMPONENTS,
    ),
    signed(
        "version-as-integer",
        "a version that is an integer",
        refused(Kind.CLAIM_TYPE),
        COMPONENT,
        first(lambda item, _: item.put(4, write_int(1)).encode()),
        HAS_COMPONENTS,
    ),
    signed(
        "version-utf8",
        "a version that is no UTF-8",
        refused(Kind.INVALID_UTF8),
        COMPONENT,
        first(lambda item, _: item.put(4, write_text(b"\xc0\x80")).encode()),
        HAS_COMPONENTS,
    ),
    signed(
        "component-unknown-key",
        "a component with a key that nobody knows",
        IGNORED,
        Rule("what is not known is ignored", "RFC 9783 5.1"),
        first(lambda item, _: item.put(99, write_int(1)).encode()),
        HAS_COMPONENTS,
    ),
)
MUTATIONS = (*NO_MEASUREMENTS, *COMPONENTS)
