"""Who is named in the envelopes of what nobody asked for: the program, and what for."""

from application.log.envelope import PROGRAM

SETUP = f"{PROGRAM} setup"
AUTO_ACCEPTANCE = f"{PROGRAM} auto-acceptance"
AWARD_POLICY = f"{PROGRAM} award policy"
DEMO = f"{PROGRAM} demo"
EVALUATION = f"{PROGRAM} evaluation"
PREVIEW = f"{PROGRAM} preview"
RECOUNT = f"{PROGRAM} recount"
UPGRADE = f"{PROGRAM} upgrade"


def typed(command: str, account: str) -> str:
    """Of what an account of the machine did from its command line."""
    return f"{PROGRAM} {command} by {account}"
