"""The profiles before 2025, http://arm.com/psa/iot/1 and http://arm.com/cca/ssd/1, with tags of their own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from ..verifier.cbor import Map
from ..verifier.trust import TrustAnchor
from .cbor_node import Node
from .corim import ATTEST_KEY, REFERENCE
from .encoding import Tagged, Value
from .model import (
    HASH_SIZES,
    IMPLEMENTATION_ID_SIZE,
    Certification,
    ClassNames,
    EndorsementError,
    Endorsements,
    PlatformConfig,
    ReferenceValue,
)
from .triples import (
    BYTES_TAG,
    Environment,
    Measurement,
    certificate_number,
    check_carried,
    digest_list,
    key_triple,
    parse_key,
    read_certificate_number,
    read_key,
    value_triples,
)

IMPLEMENTATION_TAG, COMPONENT_TAG, CONFIG_TAG = 600, 601, 602
CERTIFICATES: Final = 4
"""psa-cert-triples; the base draft has since given that key to another kind."""
CONFIG_LABEL: Final = "platform-config"
_COMPONENT_KEYS: Final[Mapping[int, str]] = {1: "measurement-type", 4: "version", 5: "signer-id"}
_ROT_KEYS: Final[Mapping[int, str]] = {1: "immutable-rot", 2: "mutable-rot"}


@dataclass(frozen=True, slots=True)
class ArmProfile2021:
    """PSA, or the CCA platform ``with_config``."""

    with_config: bool = False

    def read(self, triples: Mapping[int, Node]) -> Endorsements:
        """The endorsements of a CoMID. Raises EndorsementError for what the profile forbids."""
        references: list[ReferenceValue] = []
        configs: list[PlatformConfig] = []
        for triple in triples[REFERENCE].array(1) if REFERENCE in triples else ():
            self._read_reference(triple, references, configs)
        anchors = [
            _read_anchor(triple) for triple in (triples[ATTEST_KEY].array(1) if ATTEST_KEY in triples else ())
        ]
        certifications = [
            _read_certificate(triple)
            for triple in (triples[CERTIFICATES].array(1) if CERTIFICATES in triples else ())
        ]
        return Endorsements(
            tuple(references),
            tuple(anchor for anchor, _ in anchors),
            tuple(certifications),
            tuple(configs),
            anchor_names=tuple(names for _, names in anchors),
        )

    def _read_reference(
        self, triple: Node, references: list[ReferenceValue], configs: list[PlatformConfig]
    ) -> None:
        subject, claims = triple.array(2, 2)
        target = Environment.read(subject)
        implementation_id = target.implementation_id(IMPLEMENTATION_TAG)
        target.check_class_alone()
        for node in claims.array(1):
            measurement = Measurement.read(node)
            if measurement.mkey is None:
                raise EndorsementError(f"{node.path}: no mkey; legal: a component (tag {COMPONENT_TAG})")
            if self.with_config and measurement.mkey.tag == CONFIG_TAG:
                configs.append(_read_config(measurement, implementation_id, target.names))
                continue
            key = measurement.mkey.tagged(COMPONENT_TAG, what="a component")
            component = _component(key, implementation_id, target.names)
            digests = measurement.digests()
            if not digests:
                raise EndorsementError(f"{node.path}: no digests; legal: one or more")
            references.append(
                ReferenceValue(
                    implementation_id,
                    digests,
                    component.signer_id,
                    component.type,
                    component.version,
                    target.names,
                )
            )

    def write(self, endorsements: Endorsements) -> dict[int, Value]:
        """A triples-map. Raises EndorsementError for what it cannot carry."""
        check_carried(endorsements, configs=self.with_config)
        measured: list[tuple[ReferenceValue | PlatformConfig, Value]] = []
        for value in endorsements.reference_values:
            mval: dict[int, Value] = {2: digest_list(value.digests, numbers=True)}
            measured.append((value, {0: Tagged(COMPONENT_TAG, _component_map(value)), 1: mval}))
        for config in endorsements.platform_configs:
            raw: dict[int, Value] = {4: Tagged(BYTES_TAG, config.value)}
            measured.append((config, {0: Tagged(CONFIG_TAG, CONFIG_LABEL), 1: raw}))
        triples: dict[int, Value] = {}
        if measured:
            triples[REFERENCE] = value_triples(IMPLEMENTATION_TAG, measured)
        if endorsements.trust_anchors:
            triples[ATTEST_KEY] = [
                key_triple(
                    anchor,
                    Tagged(IMPLEMENTATION_TAG, anchor.implementation_id),
                    endorsements.names_of(place),
                )
                for place, anchor in enumerate(endorsements.trust_anchors)
            ]
        if endorsements.certifications:
            triples[CERTIFICATES] = [_certificate(value) for value in endorsements.certifications]
        return triples


def _component(key: Node, implementation_id: bytes, names: ClassNames) -> ReferenceValue:
    """psa-swcomp-id, without its digests."""
    entries = key.map(_COMPONENT_KEYS)
    return ReferenceValue(
        implementation_id,
        (),
        entries[5].octets(*HASH_SIZES) if 5 in entries else None,
        entries[1].text() if 1 in entries else None,
        entries[4].text() if 4 in entries else None,
        names,
    )


def _component_map(value: ReferenceValue) -> Value:
    found = ((1, value.type), (4, value.version), (5, value.signer_id))
    if value.signer_id is None:
        raise EndorsementError(f"component {value.type}: no signer id; legal in a CoRIM: with it")
    return {key: item for key, item in found if item is not None}


def _read_config(measurement: Measurement, implementation_id: bytes, names: ClassNames) -> PlatformConfig:
    """The label in tag 602 names the configuration for people."""
    assert measurement.mkey is not None
    measurement.mkey.tagged(CONFIG_TAG, what="a configuration").text()
    if 4 not in measurement.values:
        raise EndorsementError(f"{measurement.node.path}: no raw-value; legal: the configuration")
    data = measurement.values[4].tagged(BYTES_TAG, what="the configuration").octets()
    return PlatformConfig(implementation_id, data, None, names)


def _read_anchor(triple: Node) -> tuple[TrustAnchor, ClassNames]:
    """The key in tag 554, or in a map as the first drafts had it; PEM, or base64 alone."""
    subject, keys, *_ = triple.array(2, 3)
    target = Environment.read(subject)
    node = keys.array(1, 1)[0]
    if isinstance(node.item, Map):
        text = node.map({0: "key", 1: "keychain"}, (0,))[0]
        key = parse_key(text.text(), text, bare=True)
    else:
        key = read_key(node, bare=True)
    anchor = TrustAnchor(target.implementation_id(IMPLEMENTATION_TAG), target.instance_id(), key)
    return anchor, target.names


def _read_certificate(triple: Node) -> Certification:
    descriptor, number = triple.array(2, 2)
    entries = descriptor.map(_ROT_KEYS, (1,))
    implementation_id = entries[1].octets(IMPLEMENTATION_ID_SIZE)
    components = tuple(
        _component(node, implementation_id, ClassNames())
        for node in (entries[2].array() if 2 in entries else ())
    )
    return Certification(implementation_id, read_certificate_number(number), components)


def _certificate(value: Certification) -> Value:
    components: list[Value] = [_component_map(component) for component in value.components]
    return [{1: value.implementation_id, 2: components}, certificate_number(value.number)]


PSA_IOT_1: Final = ArmProfile2021()
CCA_SSD_1: Final = ArmProfile2021(with_config=True)
