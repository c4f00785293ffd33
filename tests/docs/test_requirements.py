"""The table of requirements names tests that exist and every identifier it has to; links between pages lead somewhere; one table is one."""
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "requirements.md"
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/*.md")])
WANTED = """W1 W2 W3 W4 W5 W6 W7 B1 B2 B3 B4 P1 P2 P3 P4 P5 P6 P7 P8 P9 P10 P11 P12 P13 G1 G2 G3 G4 M1 M2 M3 M4 M5
            S1 S2 S3 S4 S5 S6 S7 S8 S9 S10 S11 S12 Q1 Q2 Q3 Q4 Q5 Q6 Q7 Q8 Q9 Q10 R1 R2 R3 R4 R5 L1 L2 L3 L4 L5 L6 L7 L8 L9 O1 O2 O3
            H1 H2 H3 X1 X2 X3 C1 C2 C3 D1 D2 D3 D4
            TC-01 TC-02 TC-02b TC-02c TC-02d TC-03 TC-04 TC-05 TC-06 TC-07 TC-08 TC-09 TC-10 TC-11 TC-12 TC-13 TC-14 TC-15
            D7-1 D7-2 D7-3 D7-4 D7-5 D7-6 D7-7 X-1 X-2 X-3 X-4 X-5""".split()
ROW = re.compile(r"^\| ([A-Z][A-Za-z0-9, -]*?) \|(.*)\|$", re.M)


def built():
    """identifier → its row, of the tables before "Not built yet"."""
    rows = {}
    for names, row in ROW.findall(TABLE.read_text().split("## Not built yet")[0]):
        for name in names.split(", "):
            rows[name] = row
    return rows


def defined():
    """All tests: Python and C functions by name, SQL assertions as "file: words"."""
    found = set()
    for path in ROOT.glob("tests/**/*.py"):
        found.update(re.findall(r"^def (test_\w+)", path.read_text(), re.M))
    for path in ROOT.glob("tests/unit/**/*.c"):
        found.update(re.findall(r"^(?:static void )?(\w+__\w+)\(void \*\*", path.read_text(), re.M))
    return found


def anchors(path):
    """What a page's headings are called in links, as forges do it."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("identifier", WANTED)
def test_identifier_is_listed_with_a_test(identifier):
    row = built().get(identifier)
    assert row, "%s has no row in %s" % (identifier, TABLE)
    assert re.findall(r"`([^`]*__[^`]*|test_[^`]*|\w+\.sql: [^`]*)`", row), "%s names no test" % identifier


def test_named_tests_exist():
    known, missing = defined(), []
    for identifier, row in built().items():
        for named in re.findall(r"`([^`]+)`", row.rsplit("|", 1)[-1]):
            file, _, words = named.partition(": ")
            if words:
                path = ROOT / "tests" / "sql" / file
                exists = path.exists() and "'%s" % words in path.read_text()
            else:
                exists = named in known
            if not exists:
                missing.append("%s: %s" % (identifier, named))
    assert not missing, "\n".join(missing)


def test_named_sources_exist():
    missing = []
    for identifier, row in built().items():
        columns = row.split("|")
        for named in re.findall(r"`([^`]+)`", columns[1]) if len(columns) > 2 else []:
            if named.endswith(".sql"):
                exists = any(ROOT.glob("sql/*/" + named))
            else:
                exists = (ROOT / "src" / named).exists() or (ROOT / named).exists()
            if not exists:
                missing.append("%s: %s" % (identifier, named))
    assert not missing, "\n".join(missing)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    broken = []
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        if not path.exists() or (anchor and path.suffix == ".md" and anchor not in anchors(path)):
            broken.append(target)
    assert not broken, "%s: %s" % (page, broken)


def test_the_rooms_are_one_table():
    rooms = [[line for line in path.read_text().splitlines() if re.match(r"\| \d \| `", line)]
             for path in (ROOT / "src" / "README.md", ROOT / "docs" / "architecture.md")]
    assert rooms[0] == rooms[1]


def test_orchctls_verbs_are_in_its_man_page():
    verbs = re.findall(r'^    \{ "([a-z -]+)", ', (ROOT / "src" / "ctl" / "verbs.c").read_text(), re.M)
    page = (ROOT / "man" / "orchctl.1").read_text()
    assert len(verbs) > 10
    assert [verb for verb in verbs if ".It Cm %s" % verb not in page] == []
