"""An independent answer to "when does this cron expression tick next": croniter reads the expression, zoneinfo knows the clocks.
The rule between the two is written again here: hours that are named keep to the local clock (skipped: when the clock jumps; twice: the first
time), any hour goes on in real time."""
import datetime
import random
import zoneinfo

from croniter import croniter

UTC = datetime.timezone.utc
MINUTE = datetime.timedelta(minutes=1)
HOUR = datetime.timedelta(hours=1)
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Kolkata", "Pacific/Apia", "America/Havana",
         "Africa/Casablanca", "Asia/Beirut", "Pacific/Chatham", "America/Santiago", "Asia/Tehran")
NAMES = {"month": "jan feb mar apr may jun jul aug sep oct nov dec".split(), "day of week": "sun mon tue wed thu fri sat".split()}
LONGEST_GAP = 41 * 366  # A 29th of February that is a Monday comes every 28 years, or 40 around a year like 2100.
FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day of month", 1, 31), ("month", 1, 12), ("day of week", 0, 7))


class Never(Exception):
    """No day of the calendar is meant."""


def shown(instant, zone):
    return instant.astimezone(zone).replace(tzinfo=None)


def instants(local, zone):
    """The instants at which the clocks show this local time: none, one or two."""
    found = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    return sorted({instant for instant in found if shown(instant, zone) == local})


def first_instant(local, zone):
    found = instants(local, zone)
    if found:
        return found[0]
    instant = local.replace(tzinfo=zone, fold=1).astimezone(UTC) - 1 * MINUTE
    while shown(instant, zone) < local:
        instant += MINUTE
    return instant


def locals_after(cron, local):
    """croniter reads the fields, but its own walk is not used: it skips the 1st of March after a 31st that February has not, among others."""
    fields = cron.split()
    minutes, hours, days, months, weekdays = (range(low, high + 1) if read == ["*"] else sorted(read)
                                              for read, (_, low, high) in zip(croniter.expand(cron)[0], FIELDS))
    either = "*" not in fields[2] and "*" not in fields[4]
    first = local.replace(hour=0, minute=0, second=0)
    for day in (first + datetime.timedelta(days=passed) for passed in range(LONGEST_GAP)):
        named, weekday = day.day in days, day.isoweekday() % 7 in weekdays
        if day.month in months and (named or weekday if either else named and weekday):
            yield from (tick for hour in hours for minute in minutes if (tick := day.replace(hour=hour, minute=minute)) > local)
    raise Never(cron)


def next_tick(cron, zone_name, after):
    zone = zoneinfo.ZoneInfo(zone_name)
    if "*" not in cron.split()[1]:
        for local in locals_after(cron, shown(after, zone)):
            if first_instant(local, zone) > after:
                return first_instant(local, zone)
    best, until = None, None
    for local in locals_after(cron, shown(after, zone) - 3 * HOUR):
        if until and local > until:
            return best
        for instant in instants(local, zone):
            if instant > after and (best is None or instant < best):
                best = instant
                until = until or local + 3 * HOUR
    return best


def changes(zone_name, year):
    """The first instants after each change of the clocks in a year."""
    zone = zoneinfo.ZoneInfo(zone_name)
    instant, found = datetime.datetime(year, 1, 1, tzinfo=UTC), []
    while instant.year == year:
        if instant.astimezone(zone).utcoffset() != (instant + HOUR).astimezone(zone).utcoffset():
            while instant.astimezone(zone).utcoffset() == (instant + MINUTE).astimezone(zone).utcoffset():
                instant += MINUTE
            found.append(instant + MINUTE)
        instant += HOUR
    return found


def random_field(rng, name, low, high):
    def value():
        number = rng.randint(low, high)
        # croniter knows names, but not all of their combinations with ranges: they stand alone.
        return number, rng.choice((str(number), NAMES[name][(number - low) % len(NAMES[name])])) if name in NAMES else str(number)

    def item():
        kind = rng.random()
        if kind < 0.5:
            return value()[1]
        first, last = sorted((rng.randint(low, high), rng.randint(low, high)))
        return "%d-%d%s" % (first, last, "" if kind < 0.75 else "/%d" % rng.randint(1, high))
    kind = rng.random()
    if kind < 0.35:
        return "*"
    if kind < 0.5:
        return "*/%d" % rng.randint(1, high // 2 if high > 7 else 3)
    return ",".join(item() for _ in range(rng.choice((1, 1, 2, 3))))


def random_cron(rng):
    while True:
        cron = " ".join(random_field(rng, *field) for field in FIELDS)
        # croniter takes a list of all days for a *, which crontab(5) does not: such a field is restricted, if only in name.
        if all("*" in given or read != ["*"] for given, read in zip(cron.split(), croniter.expand(cron)[0])):
            return cron


def random_after(rng, zone_name):
    year = rng.randint(2020, 2036)
    near = changes(zone_name, year)
    if near and rng.random() < 0.6:
        return rng.choice(near) + datetime.timedelta(minutes=rng.randint(-1600, 200), seconds=rng.choice((0, 0, 30)))
    return datetime.datetime(year, 1, 1, tzinfo=UTC) + datetime.timedelta(seconds=rng.randint(0, 365 * 86400))


def random_case(rng):
    zone = rng.choice(ZONES)
    return random_cron(rng), zone, random_after(rng, zone)


def new_seed(given=None):
    return int(given) if given else random.randrange(1 << 30)
