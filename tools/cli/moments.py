"""Points in time as options give them."""

from datetime import UTC, datetime

import click


class UtcTime(click.ParamType[datetime]):
    """A date, a date and time, or seconds since 1970; of UTC where no zone is said."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        text = str(value)
        try:
            if text.isascii() and text.isdigit() and len(text) <= 12:
                return datetime.fromtimestamp(int(text), UTC)
            found = datetime.fromisoformat(text)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        except (ValueError, OverflowError, OSError):  # the last two: a year before 1 or after 9999
            self.fail(
                f"found {text!r}; legal: 2026-12-31, an ISO 8601 time, or seconds since 1970, "
                "in the years 1 to 9999 of UTC",
                param,
                ctx,
            )


class Moment(click.ParamType[int]):
    """The same, as seconds since 1970."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        return int(UTC_TIME.convert(value, param, ctx).timestamp())


UTC_TIME = UtcTime()
