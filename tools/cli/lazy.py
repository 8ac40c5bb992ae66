"""Commands that are loaded when they are called: to judge a token nobody waits for the parts of a device."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group that knows commands by name, home (``module:attribute`` of this package) and a short line."""

    def __init__(self, *args: Any, homes: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._homes = {name: home for name, (home, _) in (homes or {}).items()}
        self._lines = {name: line for name, (_, line) in (homes or {}).items()}
        for name in self._homes:  # click suggests and lists by these names
            self.commands[name] = click.Command(name)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, loaded by now; None where there is none of that name."""
        home = self._homes.pop(cmd_name, None)
        if home is not None:
            module, _, attribute = home.partition(":")
            self.commands[cmd_name] = getattr(import_module(f".{module}", __package__), attribute)
        return super().get_command(ctx, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """A line for each command, none of which is loaded for it."""
        names = self.list_commands(ctx)
        room = formatter.width - 6 - max(map(len, names), default=0)
        rows = [
            (name, self._lines.get(name) or self.commands[name].get_short_help_str(room)) for name in names
        ]
        with formatter.section("Commands"):
            formatter.write_dl(rows)
