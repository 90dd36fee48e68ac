"""Whatever is logged, by ourselves or by a library, is one line of the one format, without what an error quotes."""

import subprocess
import sys

import msgspec

SAY = """
import logging
import sys
from api.http.metrics import configure_logs, log
from application.service.settings import LogFormat, LogLevel

configure_logs(LogFormat(sys.argv[1]), LogLevel.INFO)
log.info("ours", answer=42)
logging.getLogger("laurel.jobs").info("job %d", 7)
logging.getLogger("library").info("chatter")
try:
    raise ValueError("member M-7")
except ValueError:
    logging.getLogger("library").exception("it failed")
"""


def said(log_format: str) -> list[str]:
    ran = subprocess.run(
        [sys.executable, "-c", SAY, log_format], capture_output=True, text=True, timeout=60, check=True
    )
    assert "M-7" not in ran.stderr
    assert "chatter" not in ran.stderr
    return ran.stderr.splitlines()


def test_lines_of_json() -> None:
    ours, job, failure = (msgspec.json.decode(line) for line in said("json"))
    assert (ours["event"], ours["level"], ours["answer"]) == ("ours", "info", 42)
    assert (job["event"], job["level"], job["logger"]) == ("job 7", "info", "laurel.jobs")
    assert (failure["event"], failure["level"], failure["error"]) == ("it failed", "error", "ValueError")
    assert failure["frames"]
    assert all(line["at"].endswith("Z") for line in (ours, job, failure))


def test_lines_for_people() -> None:
    assert [line.split("]")[0].split("[")[1].strip() for line in said("console")] == ["info", "info", "error"]
