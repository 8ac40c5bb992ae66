"""What `--help` lists, and how little a command loads."""

import subprocess
import sys
from collections.abc import Iterator

import click
import pytest

from tfm_sim.tools.cli.main import cli

LIGHT = ("verify", "token show", "token compile", "token diff", "token size", "appraise", "ear", "corim")


def commands(
    group: click.Group, path: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


def test_every_name_leads_to_the_command_that_calls_itself_so() -> None:
    for path, command in commands(cli):
        assert command.name == path[-1]
        assert command.help, path


def test_no_line_of_a_list_is_cut() -> None:
    groups = [cli, *(command for _, command in commands(cli) if isinstance(command, click.Group))]
    for group in groups:
        text = group.get_help(click.Context(group, info_name="x", terminal_width=80))
        listed = text.partition("Commands:\n")[2].splitlines()
        assert not [line for line in listed if line.endswith("...")]
        assert len(listed) == len(group.list_commands(click.Context(group)))


@pytest.mark.parametrize("words", ["atest", "verfy", "token shw", "image sgin"])
def test_a_name_that_nearly_is_one_is_answered_by_a_suggestion(words: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        cli(words.split(), standalone_mode=False)
    assert "Did you mean" in caught.value.format_message()


@pytest.mark.parametrize("words", LIGHT)
def test_judging_loads_nothing_of_a_device(words: str) -> None:
    """A verifier is called by the hundred: a second each for what it does not use would tell."""
    call = f"cli({[*words.split(), '--help']!r}, standalone_mode=False)"
    told = "assert 'tfm_sim.device' not in sys.modules"
    code = f"import sys; from tfm_sim.tools.cli.main import cli; {call}; {told}"
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL, timeout=120)


@pytest.mark.parametrize("name", ["run", "boot", "attest", "endorse", "trace"])
def test_the_devices_options_stand_behind_the_commands_own(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    own, _, shared = command.get_help(click.Context(command)).partition("Options of the device:\n")
    assert "--board" in shared
    assert "--strategy" in shared
    assert "--profile " in shared
    assert "--board" not in own
    assert "--help" in own
    assert "--help" not in shared
