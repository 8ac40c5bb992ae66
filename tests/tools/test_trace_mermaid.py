"""The trace as a Mermaid sequence diagram: lines of a small grammar, bars that end, texts that stay texts."""

import re
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.traced import (
    SCENARIOS,
    a_panic,
    a_token,
    event_classes,
    ipc_by_hand,
    refusals,
    sample,
    traced,
)

from tfm_sim.interface.trace import Event, Listener
from tfm_sim.spm.events import CallEntered, MessageDelivered, Panicked, PartitionStarted
from tfm_sim.spm.panic import PanicReport
from tfm_sim.tools.trace import MermaidTrace, selected
from tfm_sim.tools.trace.mermaid import NOT_DRAWN, escaped

TEXT = r"(?:[A-Za-z0-9 _.,:()/=+|*!?'\[\]-]|\#\d+;)+"
GRAMMAR = re.compile(
    rf"""[ ]{{4}}(?:
      participant[ ](?P<declared>\w+)(?:[ ]as[ ]{TEXT})?
    | (?P<sender>\w+)(?P<arrow>->>|-->>|-\))(?P<bar>[+-]?)(?P<receiver>\w+):[ ]{TEXT}
    | Note[ ]over[ ](?P<where>\w+):[ ]{TEXT}(?:<br/>{TEXT})*
    | deactivate[ ](?P<ended>\w+)
    )""",
    re.VERBOSE | re.ASCII,
)


def checked(diagram: str) -> list[str]:
    """The lines of a diagram that keeps the grammar, its participants aside."""
    first, *lines = diagram.splitlines()
    assert first == "sequenceDiagram"
    participants: set[str] = set()
    bars: Counter[str] = Counter()
    body: list[str] = []
    for line in lines:
        found = GRAMMAR.fullmatch(line)
        assert found, line
        if found["declared"]:
            assert found["declared"] not in participants
            assert not body, "participants stand in front"
            participants.add(found["declared"])
            continue
        assert {found[g] for g in ("sender", "receiver", "where", "ended") if found[g]} <= participants
        if found["bar"] == "+":
            bars[found["receiver"]] += 1
        ended = found["ended"] or (found["sender"] if found["bar"] == "-" else None)
        if ended:
            bars[ended] -= 1
            assert bars[ended] >= 0, f"{ended} has no bar that could end"
        body.append(line[4:])
    assert not any(bars.values()), "every bar ends"
    return body


def drawn(*events: Event) -> str:
    def scenario(listen: Listener) -> None:
        for event in events:
            listen(event)

    return traced(MermaidTrace, scenario)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_grammar_is_kept(name: str) -> None:
    assert checked(traced(MermaidTrace, SCENARIOS[name]))


@pytest.mark.parametrize("name", SCENARIOS)
def test_two_runs_are_the_same_to_the_byte(name: str) -> None:
    assert traced(MermaidTrace, SCENARIOS[name]) == traced(MermaidTrace, SCENARIOS[name])


@pytest.mark.parametrize("cls", event_classes(), ids=lambda cls: cls.__name__)
def test_every_kind_of_event_is_drawn_or_left_out_on_purpose(cls: type[Event]) -> None:
    diagram = drawn(sample(cls))
    waits_for_its_message = cls is CallEntered
    assert bool(checked(diagram)) is not (issubclass(cls, NOT_DRAWN) or waits_for_its_message)
    assert cls.__name__ not in diagram, "it has words of its own"


def test_a_token_alone_is_ten_lines() -> None:
    def token_alone(listen: Listener) -> None:
        a_token(selected(listen, boot=False, calls=False))

    diagram = traced(MermaidTrace, token_alone)
    assert "    participant NS_client__1 as NS client -1\n" in diagram
    lines = checked(diagram)
    ask = "TFM_SP_INITIAL_ATTESTATION->>+TFM_SP_CRYPTO: "
    ask += "psa_call(TFM_CRYPTO, psa_get_key_attributes(key 0x7fff815d), in 56, out 24)"
    answer = "TFM_SP_CRYPTO-->>-TFM_SP_INITIAL_ATTESTATION: PSA_SUCCESS, 24 bytes"
    assert lines[:3] == [
        "NS_client__1->>+TFM_SP_INITIAL_ATTESTATION: "
        "psa_call(TFM_ATTESTATION_SERVICE, psa_initial_attest_get_token, in 32, out 592)",
        ask,
        answer,
    ]
    assert lines[-1] == "TFM_SP_INITIAL_ATTESTATION-->>-NS_client__1: PSA_SUCCESS, 518 bytes"
    assert len(lines) == 10


def test_a_panic_is_a_note_and_ends_the_bars() -> None:
    lines = checked(traced(MermaidTrace, a_panic))
    panic = next(i for i, line in enumerate(lines) if line.startswith("Note over CLUMSY_: panic<br/>"))
    assert lines[panic - 1] == "CLUMSY_->>SPM: psa_call(0x1234567, type 1)", "the call that was its fault"
    assert lines[panic + 1] == "deactivate CLUMSY_"
    assert lines[panic + 2].startswith("Note over BL2"), "the next boot"


def test_what_the_spm_answers_and_sends_itself() -> None:
    def refusals_alone(listen: Listener) -> None:
        refusals(selected(listen, calls=False))

    lines = checked(traced(MermaidTrace, refusals_alone))
    assert "NS_client__1->>SPM: psa_connect(0x1003)" in lines
    assert "SPM-->>NS_client__1: PSA_ERROR_CONNECTION_REFUSED" in lines
    terminated = lines.index("SERVER_-->>-NS_client__1: PSA_ERROR_PROGRAMMER_ERROR")
    assert lines[terminated + 1 : terminated + 3] == [
        "SPM->>+SERVER_: disconnect A_S",
        "SERVER_-->>-SPM: PSA_SUCCESS",
    ]


def test_signals_that_no_message_explains_are_drawn() -> None:
    lines = checked(traced(MermaidTrace, ipc_by_hand))
    assert [line for line in lines if "-)" in line] == ["SPM-)P_: TIMER0_SIGNAL"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a; b", "a#59; b"),
        ("#35;", "#35;35#59;"),
        ("<b>", "#60;b#62;"),
        ("%%{init}%%", "#37;#37;#123;init#125;#37;#37;"),
        ("style:x", "style#58;x"),
        ("one\ntwo", "one two"),
        ("\x1b", "#92;x1b"),
        ("é", "#233;"),
    ],
)
def test_signs_that_mean_something_to_mermaid(text: str, expected: str) -> None:
    assert escaped(text) == expected


@pytest.mark.parametrize("name", ["end", "loop", "Note", "par_over", "", "a b", "é", "x;y", "1"])
def test_a_participant_is_a_word_and_no_keyword(name: str) -> None:
    diagram = drawn(PartitionStarted(name, 1, "SFN", 0))
    checked(diagram)
    assert not re.search(r"^    participant (end|loop|note|par_over)\b(?!_)", diagram, re.I | re.M)


def test_participants_whose_words_are_alike_stay_apart() -> None:
    diagram = drawn(PartitionStarted("a b", 1, "SFN", 0), PartitionStarted("a_b", 2, "SFN", 0))
    assert "participant a_b as a b\n" in diagram
    assert "participant a_b_ as a_b\n" in diagram


@given(st.text(), st.text(), st.text())
def test_whatever_the_words_are_the_grammar_is_kept(client: str, service: str, partition: str) -> None:
    checked(
        drawn(
            CallEntered(client, -1, "psa_call", 1, 1),
            MessageDelivered(client, service, partition, 1, 1),
            Panicked(PanicReport(partition, client, service, service)),
        )
    )


def test_a_trace_of_nothing_is_a_diagram() -> None:
    assert checked(drawn()) == []
