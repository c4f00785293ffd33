"""Agents that work for as long as a test wants, and say meanwhile what it wants."""
from house import AGENTS, FAKE, wait_for

TALKER = FAKE.parent / "page" / "talker"


def furnish(house):
    """Every agent of the house is a talker."""
    entry = "{command: [%s], timeout: 600s, env: {FAKE_CONTROL: %s}}" % (TALKER, house.control)
    house.write_agents(**{agent: entry for agent in AGENTS})
    house.start()
    house.wait_states()
    return house


def hold(house, work_item, agent):
    (house.control / ("hold.%s.%s" % (work_item, agent))).touch()


def free(house, work_item, agent):
    (house.control / ("hold.%s.%s" % (work_item, agent))).unlink()


def say(house, work_item, agent, text):
    """Answers when it is said."""
    told = house.control / ("say.%s.%s" % (work_item, agent))
    fresh = told.with_suffix(".new")
    fresh.write_text(text)
    fresh.rename(told)
    wait_for(lambda: not told.exists(), hint="for the agent to say it")
