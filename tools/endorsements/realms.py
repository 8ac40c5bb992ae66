"""The profiles of CCA realms: initial and extensible measurements and the personalization value."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .cbor_node import Node
from .corim import REFERENCE
from .encoding import Tagged, Value
from .model import ANY_CLASS, HASH_SIZES, REM_COUNT, Digest, EndorsementError, Endorsements, RealmReference
from .triples import BYTES_TAG, Environment, Measurement, digest_list, environment, read_digest, read_digests

RIM, RPV = "cca.rim", "cca.rpv"
REMS: Final = tuple(f"cca.rem{place}" for place in range(REM_COUNT))


@dataclass(frozen=True, slots=True)
class RealmProfile2025:
    """A measurement a register, by text keys; the class id is the initial measurement."""

    def read(self, triples: Mapping[int, Node]) -> Endorsements:
        """Raises EndorsementError for what the profile forbids."""
        found = tuple(_read_2025(triple) for triple in _references(triples))
        return Endorsements(realms=found)

    def write(self, endorsements: Endorsements) -> dict[int, Value]:
        """A triples-map. Raises EndorsementError for what is about devices."""
        return {REFERENCE: [_write_2025(realm) for realm in _only_realms(endorsements)]}


@dataclass(frozen=True, slots=True)
class RealmProfile2021:
    """One measurement without a key; the registers are its integrity registers, the instance is the RIM."""

    def read(self, triples: Mapping[int, Node]) -> Endorsements:
        """Raises EndorsementError for what the profile forbids."""
        found = tuple(realm for triple in _references(triples) for realm in _read_2021(triple))
        return Endorsements(realms=found)

    def write(self, endorsements: Endorsements) -> dict[int, Value]:
        """A triples-map. Raises EndorsementError for what is about devices."""
        return {REFERENCE: [_write_2021(realm) for realm in _only_realms(endorsements)]}


def _references(triples: Mapping[int, Node]) -> list[Node]:
    return triples[REFERENCE].array(1) if REFERENCE in triples else []


def _only_realms(endorsements: Endorsements) -> tuple[RealmReference, ...]:
    if endorsements != Endorsements(realms=endorsements.realms):
        raise EndorsementError("endorsements of a device in a CoRIM of realms; legal: in one of their own")
    return endorsements.realms


def _read_2025(triple: Node) -> RealmReference:
    subject, claims = triple.array(2, 2)
    target = Environment.read(subject)
    rim_bytes = target.class_bytes(BYTES_TAG, "realm's initial measurement", *HASH_SIZES)
    target.check_class_alone()
    registers: dict[str, Digest] = {}
    rpv: bytes | None = None
    for node in claims.array(1):
        measurement = Measurement.read(node)
        key = measurement.text_key(RIM, *REMS, RPV)
        if key in registers or (key == RPV and rpv is not None):
            raise node.error(f"{key} twice", "each register once")
        if key != RPV:
            registers[key] = _one_digest(measurement)
        elif 4 not in measurement.values:
            raise EndorsementError(f"{node.path}: no raw-value; legal: the personalization value")
        else:
            rpv = measurement.values[4].tagged(BYTES_TAG, what="the personalization value").octets()
    if RIM not in registers:
        raise claims.error("no initial measurement", f"one {RIM}")
    if registers[RIM].value != rim_bytes:
        raise claims.error(f"{RIM} {registers[RIM].value.hex()}", f"{rim_bytes.hex()}, as the class id says")
    return RealmReference(registers[RIM], tuple(map(registers.get, REMS)), rpv)


def _one_digest(measurement: Measurement) -> Digest:
    """CCA endorsements 3.2: exactly one digest, of a hash's size."""
    if 2 not in measurement.values:
        raise EndorsementError(f"{measurement.node.path}: no digests; legal: one")
    node = measurement.values[2]
    digest = read_digest(node.array(1, 1)[0])
    return _sized(digest, node)


def _sized(digest: Digest, node: Node) -> Digest:
    if len(digest.value) not in HASH_SIZES:
        raise node.error(f"{digest.algorithm} of {len(digest.value)} bytes", "32, 48 or 64 bytes")
    return digest


def _write_2025(realm: RealmReference) -> Value:
    registers = ((RIM, realm.rim), *zip(REMS, realm.rems, strict=True))
    measurements: list[Value] = [
        {0: key, 1: {2: digest_list([digest])}} for key, digest in registers if digest is not None
    ]
    if realm.rpv is not None:
        raw: Value = {4: Tagged(BYTES_TAG, realm.rpv)}
        measurements.append({0: RPV, 1: raw})
    return [environment(Tagged(BYTES_TAG, realm.rim.value), ANY_CLASS), measurements]


def _read_2021(triple: Node) -> list[RealmReference]:
    subject, claims = triple.array(2, 2)
    target = Environment.read(subject)
    if target.instance is None:
        raise EndorsementError(f"{subject.path}: no instance; legal: the realm's initial measurement")
    rim_bytes = target.instance.tagged(BYTES_TAG, what="the realm's initial measurement").octets(*HASH_SIZES)
    return [_read_registers(Measurement.read(node), rim_bytes) for node in claims.array(1)]


def _read_registers(measurement: Measurement, rim_bytes: bytes) -> RealmReference:
    if 14 not in measurement.values:
        raise EndorsementError(f"{measurement.node.path}: no integrity-registers; legal: with rim")
    registers = measurement.values[14].texts()
    found: dict[str, Digest] = {}
    for name, node in registers.items():
        digests = read_digests(node)
        if len(digests) != 1:
            raise node.error(f"{len(digests)} digests", "one")
        found[f"cca.{name}"] = _sized(digests[0], node)
    if RIM not in found:
        raise measurement.values[14].error("no rim", "with it")
    if found[RIM].value != rim_bytes:
        raise measurement.values[14].error(
            f"rim {found[RIM].value.hex()}", f"{rim_bytes.hex()}, as the instance"
        )
    values = measurement.values
    raw = values[4].tagged(BYTES_TAG, what="the personalization value").octets() if 4 in values else None
    return RealmReference(found[RIM], tuple(map(found.get, REMS)), raw)


def _write_2021(realm: RealmReference) -> Value:
    registers: dict[str, Value] = {
        key.removeprefix("cca."): digest_list([digest], numbers=True)
        for key, digest in ((RIM, realm.rim), *zip(REMS, realm.rems, strict=True))
        if digest is not None
    }
    mval: dict[int, Value] = {14: registers}
    if realm.rpv is not None:
        mval[4] = Tagged(BYTES_TAG, realm.rpv)
    subject: Value = {1: Tagged(BYTES_TAG, realm.rim.value)}
    return [subject, [{1: mval}]]
