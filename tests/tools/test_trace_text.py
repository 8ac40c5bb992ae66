"""The trace as text: one line an event, names for numbers, indented by who calls whom (docs/tracing.md)."""

import pytest
from support.traced import (
    IPC_BY_HAND,
    SCENARIOS,
    a_panic,
    a_reset,
    a_token,
    event_classes,
    ipc_by_hand,
    refusals,
    sample,
    traced,
)

from tfm_sim.interface.trace import Event, Listener, LogLine
from tfm_sim.platform.ccb_events import CcbOperation, KeyMoved
from tfm_sim.spm.events import CallReturned
from tfm_sim.tools.trace import TextTrace, selected


def lines_of(*events: Event) -> list[str]:
    """Without time stamps."""

    def scenario(listen: Listener) -> None:
        for event in events:
            listen(event)

    return [line[14:] for line in traced(TextTrace, scenario).splitlines()]


@pytest.mark.parametrize("name", SCENARIOS)
def test_one_line_an_event(name: str) -> None:
    events: list[Event] = []
    SCENARIOS[name](events.append)
    assert len(traced(TextTrace, SCENARIOS[name]).splitlines()) == len(events)


@pytest.mark.parametrize("name", SCENARIOS)
def test_two_runs_are_the_same_to_the_byte(name: str) -> None:
    assert traced(TextTrace, SCENARIOS[name]) == traced(TextTrace, SCENARIOS[name])


@pytest.mark.parametrize("cls", event_classes(), ids=lambda cls: cls.__name__)
def test_every_kind_of_event_has_words_of_its_own(cls: type[Event]) -> None:
    (line,) = lines_of(sample(cls))
    assert line.strip()
    assert cls.__name__ not in line


def test_a_call_a_message_its_answer_and_the_return_nest() -> None:
    def token_alone(listen: Listener) -> None:
        a_token(selected(listen, boot=False, calls=False))

    text = traced(TextTrace, token_alone).splitlines()
    lines = [line[14:] for line in text if " has signal " not in line and "  -- " not in line]
    assert lines[:6] == [
        "NS client -1 calls psa_call(0x40000103, type 1001, in 32, out 592)",
        "  TFM_ATTESTATION_SERVICE in TFM_SP_INITIAL_ATTESTATION "
        "gets message 0x2102 of NS client -1: psa_initial_attest_get_token",
        "    TFM_SP_INITIAL_ATTESTATION calls psa_call(0x40000100, type 0, in 56, out 24)",
        "      TFM_CRYPTO in TFM_SP_CRYPTO gets message 0x1c63 of TFM_SP_INITIAL_ATTESTATION: "
        "psa_get_key_attributes(key 0x7fff815d)",
        "      TFM_CRYPTO in TFM_SP_CRYPTO answers message 0x1c63: PSA_SUCCESS, 24 bytes",
        "    TFM_SP_INITIAL_ATTESTATION is back from psa_call: PSA_SUCCESS",
    ]
    assert lines[-1].endswith("NS client -1 is back from psa_call: PSA_SUCCESS")


def test_after_a_panic_the_next_boot_stands_at_the_margin() -> None:
    lines = [line[14:] for line in traced(TextTrace, a_panic).splitlines()]
    panic = next(i for i, line in enumerate(lines) if line.startswith("PANIC: "))
    assert lines[panic - 1].startswith("    CLUMSY calls psa_call(0x1234567")
    assert (
        "CLUMSY broke a rule: psa_call: a handle of the caller's own found 0x1234567; legal:" in lines[panic]
    )
    assert lines[panic + 1].startswith("== BL2")
    assert [line for line in lines[panic:] if line.startswith("NS client -1 calls psa_call(")]


def test_a_reset_ends_calls_and_the_non_secure_sides_start_does_not() -> None:
    lines = [line[14:] for line in traced(TextTrace, a_reset).splitlines()]
    start = lines.index("== SPM: anew")
    assert [line.split(" ")[0] for line in lines[start + 1 : start + 3]] == ["task", ""]
    assert "  P_S in P answers message 0x101: PSA_ERROR_NOT_SUPPORTED, 2 bytes" in lines[start:]


def test_statuses_handles_and_message_types_by_name() -> None:
    text = traced(TextTrace, refusals)
    for said in (
        "NS client -1 calls psa_connect(0x1001)",
        "of NS client -1: connect",
        "is back from psa_connect: handle 0x2102",
        "answers message 0x2102: PSA_ERROR_PROGRAMMER_ERROR",
        "of NS client -1: disconnect",
        "is back from psa_close: done",
        "is back from psa_connect: PSA_ERROR_CONNECTION_REFUSED",
        "is refused, PSA_ERROR_CONNECTION_REFUSED: psa_connect: an RoT Service with this SID",
    ):
        assert said in text, said


def test_the_partition_api_with_the_names_of_signals() -> None:
    text = traced(TextTrace, ipc_by_hand)
    for said in (
        "P calls psa_wait(PSA_WAIT_ANY, PSA_BLOCK)",
        "P is back from psa_wait: P_S_SIGNAL|TIMER0_SIGNAL|0x4",
        "P calls psa_get(P_S_SIGNAL)",
        "P is back from psa_get: PSA_SUCCESS",
        "P calls psa_reply(0x101, PSA_ERROR_NOT_SUPPORTED)",
        "P is back from psa_reply\n",
        "P_S in P answers message 0x202: 7\n",
        "-- task 2 runs",
        "interrupt 8 (TIMER0) goes to P, SLIH",
        "P has signal TIMER0_SIGNAL (0x20)",
    ):
        assert said in text, said


def test_the_virtual_clock_stands_in_front() -> None:
    times = [int(line.split()[0]) for line in traced(TextTrace, ipc_by_hand).splitlines()]
    assert times == [i // 3 * 10 for i in range(len(IPC_BY_HAND))]


def test_nothing_that_a_device_says_breaks_a_line() -> None:
    assert lines_of(LogLine("BL2", "one\ntwo\x1b[2J\u2028three")) == ["BL2 | one two\\x1b[2J three"]


def test_an_event_of_a_users_own_shows_its_fields() -> None:
    (line,) = lines_of(sample(a_users_event()))
    assert line == "Mine: number 1, data 0102"


def test_a_return_without_its_call_is_a_line_all_the_same() -> None:
    assert lines_of(CallReturned("X", "psa_call", -135)) == [
        "X is back from psa_call: PSA_ERROR_INVALID_ARGUMENT"
    ]


def a_users_event() -> type[Event]:
    from dataclasses import make_dataclass  # noqa: PLC0415 (only here)

    return make_dataclass("Mine", [("number", int), ("data", bytes)], bases=(Event,), frozen=True)


def test_keys_and_the_bridge_that_they_go_over() -> None:
    assert lines_of(
        KeyMoved("private key", "CPU", "SAES", "AHB", clear=False),
        KeyMoved("private key", "SAES", "PKA RAM", "CCB", clear=True),
        CcbOperation("ECDSA_SIGN_BLOB_USE", 0xC3, (1, 0x12, 0x13), ok=True),
        CcbOperation("ECDSA_SIGN_BLOB_USE", 0xC3, (1, 0x12), ok=False),
    ) == [
        "AHB > private key, wrapped: CPU to SAES",
        "CCB > private key, in the clear: SAES to PKA RAM",
        "CCB > ECDSA_SIGN_BLOB_USE (0xc3), steps 01 12 13",
        "CCB > ECDSA_SIGN_BLOB_USE (0xc3), steps 01 12: the tag does not fit",
    ]
