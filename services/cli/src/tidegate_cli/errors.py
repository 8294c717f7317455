"""How a command ends when it can't do what was asked: an exit code, what happened, and what to do about it."""

from enum import IntEnum

from tidegate_contracts.problem import Problem


class Exit(IntEnum):
    """The exit codes of every command; docs/cli.md lists them for users."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    REFUSED = 3
    NOT_FOUND = 4
    UNREACHABLE = 5
    NOT_PERMITTED = 6
    UNKNOWN = 7
    ENDED_OTHERWISE = 8
    FAULTS_FOUND = 9


class CommandError(Exception):
    """An expected end that is not success; `session` prints it and exits."""

    def __init__(self, code: Exit, message: str, remedy: str = "", problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.remedy = remedy
        self.problems = problems


def unreachable(server: str, reason: str) -> CommandError:
    remedy = "Check --server (TIDEGATE_NATS_URL), --user and --password, or run `tidegate doctor`."
    return CommandError(Exit.UNREACHABLE, f"NATS at {server} can't be used: {reason}", remedy)


def not_permitted(user: str, action: str) -> CommandError:
    who = f"user {user!r}" if user else "a user without a name"
    remedy = "Use another --user, or have the right added in deploy/nats/nats.conf."
    return CommandError(Exit.NOT_PERMITTED, f"{who} may not {action}", remedy)


def not_found(rollout: str, where: str) -> CommandError:
    remedy = "`tidegate list --all` shows all of them; -n and --cluster choose where to look."
    return CommandError(Exit.NOT_FOUND, f"there is no rollout {rollout!r} in {where}", remedy)
