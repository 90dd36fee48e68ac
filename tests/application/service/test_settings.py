from pathlib import Path

import pytest

from application.service.settings import SETTINGS, Source, load
from application.service.settings import SettingsError as Refused

ADMIN_KEY = "a key nobody guesses"


def test_flags_come_before_variables_and_variables_before_defaults() -> None:
    configuration = load(
        {"port": 9000, "sandbox": None}, {"LAUREL_PORT": "9001", "LAUREL_DATA": "/var/lib/laurel", "PATH": "/bin"}
    )
    assert configuration.settings.port == 9000
    assert configuration.settings.data == Path("/var/lib/laurel")
    assert configuration.sources["port"] is Source.FLAG
    assert configuration.sources["data"] is Source.ENVIRONMENT
    assert configuration.sources["sandbox"] is Source.DEFAULT


def test_an_empty_variable_is_not_set() -> None:
    assert load({}, {"LAUREL_PORT": ""}).sources["port"] is Source.DEFAULT


def test_secrets_are_masked() -> None:
    shown = load({}, {"LAUREL_ADMIN_KEY": ADMIN_KEY, "LAUREL_DATABASE_URL": "postgres://u:p@h/d"}).shown()
    values = {each.variable: each.value for each in shown}
    assert values["LAUREL_ADMIN_KEY"] == values["LAUREL_DATABASE_URL"] == "********"
    assert values["LAUREL_PORT"] == "8000"


@pytest.mark.parametrize("address", ["postgres://u:s3cr3t/x@h/d", "postgres://u:s3cr3t%@h/d", "s3cr3t"])
def test_a_database_s_address_that_can_t_be_understood_is_not_quoted(address: str) -> None:
    for given in ({"database_url": address}, {}):
        with pytest.raises(Refused, match="can't be understood; write it as postgresql://user:password@") as caught:
            load(given, {"LAUREL_DATABASE_URL": address})
        assert "s3cr3t" not in str(caught.value)


def test_every_fault_is_said_at_once() -> None:
    variables = {
        "LAUREL_PROT": "1",
        "LAUREL_PORT": "70000",
        "LAUREL_TIME_ZONE": "../etc/passwd",
        "LAUREL_SANDBOX": "perhaps",
        "LAUREL_ADMIN_KEY": "short",
        "LAUREL_LOG_FORMAT": "xml",
        "LAUREL_READ_WAIT_SECONDS": "nan",
    }
    with pytest.raises(Refused) as caught:
        load({"workers": 0}, variables)
    text = str(caught.value)
    assert len(caught.value.faults) == 8
    assert "did you mean LAUREL_PORT?" in text
    assert "--workers must be from 1 to 64, not '0'" in text
    assert "json or console" in text
    assert "short" not in text


@pytest.mark.parametrize("name", ["localtime", "right/UTC", "posix/Europe/Paris"])
def test_a_time_zone_is_the_same_everywhere(name: str) -> None:
    with pytest.raises(Refused):
        load({}, {"LAUREL_TIME_ZONE": name})


def test_every_setting_says_what_it_is_for() -> None:
    assert all(setting.description for setting in SETTINGS)
