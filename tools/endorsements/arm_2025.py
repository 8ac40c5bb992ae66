"""The profiles of 2025 for PSA devices and CCA platforms: text keys, values in fields of the base draft."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ..verifier.trust import TrustAnchor
from .cbor_node import Node
from .corim import ATTEST_KEY, CONDITIONAL, ENDORSED, REFERENCE
from .encoding import Tagged, Value
from .model import (
    HASH_SIZES,
    Certification,
    ClassNames,
    EndorsementError,
    Endorsements,
    PlatformConfig,
    ReferenceValue,
)
from .triples import (
    BYTES_TAG,
    MASKED_TAG,
    Environment,
    Measurement,
    certificate_number,
    check_carried,
    digest_list,
    environment,
    key_triple,
    read_certificate_number,
    read_trust_anchor,
    value_triples,
)

CERTIFICATION_KEY: Final = "psa.certification"


@dataclass(frozen=True, slots=True)
class ArmProfile2025:
    """One of the two: PSA, which has no ``config_key``, or the CCA platform, stricter with digests."""

    component_key: str
    config_key: str | None = None

    def read(self, triples: Mapping[int, Node]) -> Endorsements:
        """The endorsements of a CoMID. Raises EndorsementError for what the profile forbids."""
        references: list[ReferenceValue] = []
        configs: list[PlatformConfig] = []
        for triple in triples[REFERENCE].array(1) if REFERENCE in triples else ():
            self._read_reference(triple, references, configs)
        anchors = [
            read_trust_anchor(triple, BYTES_TAG)
            for triple in (triples[ATTEST_KEY].array(1) if ATTEST_KEY in triples else ())
        ]
        return Endorsements(
            tuple(references),
            tuple(anchor for anchor, _ in anchors),
            tuple(self._read_certifications(triples)),
            tuple(configs),
            anchor_names=tuple(names for _, names in anchors),
        )

    def _read_reference(
        self, triple: Node, references: list[ReferenceValue], configs: list[PlatformConfig]
    ) -> None:
        subject, claims = triple.array(2, 2)
        target = Environment.read(subject)
        implementation_id = target.implementation_id(BYTES_TAG)
        target.check_class_alone()
        legal = (self.component_key,) if self.config_key is None else (self.component_key, self.config_key)
        kinds = []
        for node in claims.array(1):
            measurement = Measurement.read(node)
            kinds.append(measurement.text_key(*legal))
            if kinds[-1] == self.component_key:
                references.append(self._component(measurement, implementation_id, target.names))
            else:
                configs.append(_config(measurement, implementation_id, target.names))
        if self.config_key is not None:
            # CCA endorsements 3.1.3: one component or more, and at most one configuration.
            if self.component_key not in kinds:
                raise claims.error("no component", f"one {self.component_key} or more")
            if kinds.count(self.config_key) > 1:
                raise claims.error(f"{kinds.count(self.config_key)} configurations", "one or none")

    def _component(
        self, measurement: Measurement, implementation_id: bytes, names: ClassNames
    ) -> ReferenceValue:
        digests = measurement.digests()
        if self.config_key is not None:
            if not digests:
                raise EndorsementError(f"{measurement.node.path}: no digests; legal: one or more")
            for digest in digests:
                if len(digest.value) not in HASH_SIZES:
                    raise measurement.values[2].error(
                        f"{digest.algorithm} of {len(digest.value)} bytes", "32, 48 or 64"
                    )
        return ReferenceValue(
            implementation_id,
            digests,
            measurement.signer_id(),
            measurement.name(),
            measurement.version(),
            names,
        )

    def _read_certifications(self, triples: Mapping[int, Node]) -> Iterator[Certification]:
        """Of a condition that must hold (key 10), or of every device of the implementation (key 1)."""
        for triple in triples[CONDITIONAL].array(1) if CONDITIONAL in triples else ():
            conditions, endorsements = triple.array(2, 2)
            components = tuple(self._conditions(conditions))
            for endorsed in endorsements.array(1):
                yield from _certificates(endorsed, components)
        for endorsed in triples[ENDORSED].array(1) if ENDORSED in triples else ():
            yield from _certificates(endorsed, ())

    def _conditions(self, conditions: Node) -> Iterator[ReferenceValue]:
        for record in conditions.array(1):
            subject, claims = record.array(2, 2)
            target = Environment.read(subject)
            implementation_id = target.implementation_id(BYTES_TAG)
            target.check_class_alone()
            for node in claims.array(1):
                measurement = Measurement.read(node)
                measurement.text_key(self.component_key)
                yield ReferenceValue(
                    implementation_id,
                    measurement.digests(),
                    measurement.optional_signer_id(),
                    measurement.name(),
                    measurement.version(),
                    target.names,
                )

    def write(self, endorsements: Endorsements) -> dict[int, Value]:
        """A triples-map, one reference triple for all components of an implementation.

        draft-ietf-rats-corim 5.1.5: different states of an environment stand in triples of their own, so the
        components of one state must not be torn apart. Raises EndorsementError for what it cannot carry.
        """
        check_carried(endorsements, configs=self.config_key is not None)
        triples: dict[int, Value] = {}
        if endorsements.reference_values or endorsements.platform_configs:
            triples[REFERENCE] = self._reference_triples(endorsements)
        if endorsements.trust_anchors:
            triples[ATTEST_KEY] = [
                key_triple(anchor, _class_id(anchor), endorsements.names_of(place))
                for place, anchor in enumerate(endorsements.trust_anchors)
            ]
        conditional = [value for value in endorsements.certifications if value.components]
        if conditional:
            triples[CONDITIONAL] = [self._conditional(value) for value in conditional]
        if always := [value for value in endorsements.certifications if not value.components]:
            triples[ENDORSED] = [_certificate(value) for value in always]
        return triples

    def _reference_triples(self, endorsements: Endorsements) -> list[Value]:
        measured: list[tuple[ReferenceValue | PlatformConfig, Value]] = []
        for value in endorsements.reference_values:
            if value.signer_id is None:
                raise EndorsementError(f"component {value.type}: no signer id; legal in a CoRIM: with it")
            measured.append((value, self._measurement(value)))
        for config in endorsements.platform_configs:
            mask = config.mask if config.mask is not None else b"\xff" * len(config.value)
            mval: dict[int, Value] = {4: Tagged(BYTES_TAG, config.value), 5: mask}
            measured.append((config, {0: self.config_key or "", 1: mval}))
        return value_triples(BYTES_TAG, measured)

    def _measurement(self, value: ReferenceValue) -> Value:
        mval: dict[int, Value] = {}
        if value.version is not None:
            mval[0] = {0: value.version}
        if value.digests:
            mval[2] = digest_list(value.digests)
        if value.type is not None:
            mval[11] = value.type
        if value.signer_id is not None:
            mval[13] = [Tagged(BYTES_TAG, value.signer_id)]
        made: dict[int, Value] = {0: self.component_key, 1: mval}
        return made

    def _conditional(self, value: Certification) -> Value:
        measured = [(component, self._measurement(component)) for component in value.components]
        return [value_triples(BYTES_TAG, measured), [_certificate(value)]]


def _class_id(anchor: TrustAnchor) -> Tagged:
    return Tagged(BYTES_TAG, anchor.implementation_id)


def _certificate(value: Certification) -> Value:
    subject = environment(Tagged(BYTES_TAG, value.implementation_id), value.names)
    return [subject, [{0: CERTIFICATION_KEY, 1: {100: certificate_number(value.number)}}]]


def _certificates(endorsed: Node, components: tuple[ReferenceValue, ...]) -> Iterator[Certification]:
    """The certificates in an endorsed triple; other endorsed values are left out."""
    subject, claims = endorsed.array(2, 2)
    target = Environment.read(subject)
    implementation_id = target.implementation_id(BYTES_TAG)
    for node in claims.array(1):
        measurement = Measurement.read(node)
        if 100 in measurement.values:
            target.check_class_alone()
            number = read_certificate_number(measurement.values[100])
            yield Certification(implementation_id, number, components, target.names)


def _config(measurement: Measurement, implementation_id: bytes, names: ClassNames) -> PlatformConfig:
    """CCA endorsements 3.1.3.2: raw-value with its mask, together in tag 563 or in two fields."""
    values = measurement.values
    if 4 not in values:
        raise EndorsementError(f"{measurement.node.path}: no raw-value; legal: the configuration")
    if values[4].tag == MASKED_TAG:
        value, mask = values[4].tagged(MASKED_TAG, what="a masked value").array(2, 2)
        data, bits = value.octets(), mask.octets()
    elif 5 not in values:
        raise EndorsementError(f"{measurement.node.path}: no raw-value-mask; legal: with raw-value")
    else:
        data = values[4].tagged(BYTES_TAG, what="the configuration").octets()
        bits = values[5].octets()
    if len(bits) != len(data):
        raise measurement.node.error(f"a mask of {len(bits)} bytes", f"{len(data)}, as the value has")
    return PlatformConfig(implementation_id, data, bits, names)


PSA: Final = ArmProfile2025("psa.software-component")
CCA_PLATFORM: Final = ArmProfile2025("cca.software-component", "cca.platform-config")
