"""What shall happen to one task, drawn from the dice before anything happens: so a seed repeats it, though not the machine's timing."""
import dataclasses
import typing

from ground import FREE, GATED

DOORS = ("board", "http", "orchctl", "psql")
# Agents that are there until somebody ends them.
LASTING = ("slow", "deaf", "daemons", "one-more", "forks", "stubborn", "sessions", "pushes")
MODES = (*LASTING, "quick", "quick", "quick", "lingers 0.3", "breaks 0.1", "busy")
AGENT_STAGES = ("architecture", "development", "review", "testing", "deploy-staging")


class Moment(typing.NamedTuple):
    weight: int
    words: tuple      # of the ear: one of them, and then the delay
    delay_s: float    # at most
    modes: tuple
    is_deep: bool = False


MOMENTS = {
    "branch being made": Moment(10, ("made",), 0.08, MODES),
    "queued behind the gate": Moment(8, ("made",), 1, MODES),
    "claim, before exec": Moment(16, ("claimed",), 0.03, MODES),
    "exec, before pid recorded": Moment(16, ("exec",), 0.004, MODES),
    "pid recorded": Moment(8, ("recorded",), 0.01, MODES),
    "at work": Moment(14, ("exec",), 1.5, LASTING),
    "agent pushes": Moment(8, ("exec",), 1, ("pushes",)),
    "agent ends, orchd pushes": Moment(8, ("ending",), 0.08, ("quick", "lingers 0.2")),
    "retry": Moment(4, ("exec",), 0.6, ("breaks 0.05", "busy")),
    "waits for a person": Moment(5, ("analysed",), 0.5, ("quick",)),
    "later stage": Moment(5, ("exec",), 0.5, MODES, True),
    "parked": Moment(3, ("parked",), 0.5, ("quick",), True),
    "deploy under way": Moment(3, ("exec",), 0.5, ("lingers 0.6", "breaks 0.6"), True),
    "merge under way": Moment(2, ("ending",), 0.3, ("quick",), True),
}
DEPLOYS = ("parked", "deploy under way", "merge under way")


@dataclasses.dataclass
class Plan:
    number: int
    moment: str
    project: str
    stage: str          # in which the agent behaves as mode says, and the STOP comes
    mode: str
    offset_s: float     # from the round's start, or from the moment when all who have a long way are there
    delay_s: float      # from the moment to the STOP
    doors: list         # of (seconds after the STOP, door)
    again: typing.Optional["Plan"]  # after the STOP the issue is started once more, and stopped again

    def describe(self):
        return "%s, agent %s in %s, doors %s%s" % (self.moment, self.mode, self.stage, [door for _, door in self.doors],
                                                   "; again: " + self.again.describe() if self.again else "")


def draw_doors(dice):
    """Mostly one; then two or three, at the same moment, or within the grace."""
    doors = [(0, dice.choice(DOORS))]
    for _ in range(dice.choice([0, 0, 0, 1, 1, 2])):
        doors.append((dice.choice([0, dice.uniform(0, 0.02), dice.uniform(0, 1.2)]), dice.choice(DOORS)))
    return doors


def draw_plan(dice, number, window_s, busy, may_repeat=True):
    """busy: projects of which another task deploys in this round; the merge lease is one of a repo."""
    names = list(MOMENTS) if may_repeat else [name for name, moment in MOMENTS.items() if not moment.is_deep]
    name = dice.choices(names, [MOMENTS[name].weight for name in names])[0]
    project = GATED if name == "queued behind the gate" else dice.choice(FREE)
    stage = dice.choice(AGENT_STAGES)
    if name in DEPLOYS and project in busy:
        name = "later stage"
    moment = MOMENTS[name]
    if name in DEPLOYS:
        busy.add(project)
        stage = "deploy"
    elif not moment.is_deep:
        stage = "analysis"
    plan = Plan(number, name, project, stage, dice.choice(moment.modes), dice.uniform(0, window_s), dice.uniform(0, moment.delay_s),
                draw_doors(dice), None)
    if may_repeat and not moment.is_deep and dice.random() < 0.15:
        plan.again = draw_plan(dice, number, 0, busy, False)
        plan.again.project = project
    return plan


def draw_plans(dice, count, window_s):
    busy = set()
    return [draw_plan(dice, number, window_s, busy) for number in range(count)]
