"""C2: a setting that SQL reads is declared in options.def and seeded by a migration, with the same default."""
import pathlib
import re

from house import wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
OPTION = re.compile(r'^OPT\((\w+), (\w+), "([^"]*)", [^,]+, [^,]+, ([^,]*SHARED[^,]*), ', re.M)


def test_C2_shared_settings_have_one_default(house_of):
    house = house_of()
    declared = {name: (kind, default) for kind, name, default, _ in OPTION.findall((ROOT / "src/config/options.def").read_text())}
    seeded = {row["name"]: row["published"] for row in house.sql("select name, published from orch.settings")}
    assert declared.keys() | {"monitored_repos"} == seeded.keys(), "that one is read from the agents file"
    for name, (kind, default) in declared.items():
        cast = {"seconds": "interval", "whole": "int", "yesno": "boolean"}.get(kind, "text")
        # A bare number of seconds is what both sides accept.
        assert house.value("select %%s::%s = %%s::%s" % (cast, cast), (default, seeded[name])), name


def test_C2_what_the_environment_sets_reaches_SQL_and_an_operator_overrides_it(house_of):
    house = house_of()
    house.start(ORCH_QG0_TITLE_MAX="17")
    house.wait_states()
    wait_for(lambda: house.value("select orch.setting('qg0_title_max')") == "17", hint="for the settings to be published")
    assert house.value("select orch.set_setting('qg0_title_max', '5')") == "5"
    issue = house.create("Longer than five")
    house.move(issue, "To Analyse")
    house.wait_event("plane", "at most 5")
    assert not house.task(issue)
