"""H3, for everybody: by keyboard alone, on a phone, in dark and light."""
from browser import PHONE
from house import OPERATOR, READER, wait_for

LONG = "Explain Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft " + "and " * 40 + "x" * 180


def furnish(house):
    """A running task with a long title, one that waits for it, and a frozen repository with a long name."""
    house.mode("analyst", "hang")
    issue = house.begin(LONG[:200])
    house.wait_running(issue, "analyst")
    house.begin("Add a wish list")
    house.sql("insert into orch.repo_freeze (repo, reason) values (%s, %s)", ("acme/" + "a-very-long-name-of-a-repository-" * 3, "because " + "y" * 300))
    return issue


def check_tab_reaches(page, all_of):
    reached = set()
    for _ in range(40):
        page.press("Tab")
        reached.add(page.ask("document.activeElement.closest('.card')?.dataset.task"
                             " ?? (document.activeElement.id || document.activeElement.textContent)"))
    assert all_of <= reached, reached


def test_H3_stop_by_keyboard_alone(house, look):
    issue = furnish(house)
    page = look(house, OPERATOR)
    page.wait("[data-task=ORCH-002]")
    check_tab_reaches(page, {"filter", "theme", "help-button", "sign", "Unfreeze", "ORCH-001", "ORCH-002"})
    page.press("?")
    page.wait("#help")
    page.press("Escape")
    page.wait_gone("#help")
    page.press("/")
    page.do("keyboard.type", "wish")
    page.wait_gone("[data-task=ORCH-001]")
    page.press("Escape")
    page.wait("[data-task=ORCH-001]")
    page.press("f")
    page.do("keyboard.type", "nothing like it")
    page.wait_text("#empty", "No task matches")
    page.press("Escape", "/", "ArrowDown")
    focused = "document.activeElement.closest('.card')?.dataset.task"
    cards = page.ask("[...document.querySelectorAll('.card')].map((card) => card.dataset.task)")
    assert page.ask(focused) == cards[0]
    assert page.ask("getComputedStyle(document.activeElement.closest('.card')).outlineStyle") == "solid", "who has the focus is seen"
    while page.ask(focused) != "ORCH-001":
        at = page.ask(focused)
        page.press("ArrowRight")
        assert page.ask(focused) != at
    page.press("Enter")
    page.wait("#task-stop")
    page.press("s")
    page.wait("#ask")
    page.press("Enter")
    page.wait_gone("#ask")
    assert house.task(issue)["cancelled_at"] is None, "Enter alone stops nothing"
    page.press("s", "Shift+Tab")
    page.do("keyboard.type", "by keyboard")
    page.press("Tab", "Tab", "Enter")
    page.wait_text("#ask-result", "Stopped.")
    assert house.task(issue)["cancel_reason"] == "by keyboard"
    page.press("Escape", "Escape")
    page.wait_gone("#task")
    wait_for(lambda: page.ask(focused) == "ORCH-001", hint="for the focus to be back")


def check_width(page, what):
    wide = page.ask("Math.max(document.documentElement.scrollWidth, ...[...document.querySelectorAll('dialog[open]')].map((d) => d.scrollWidth))")
    assert wide <= PHONE["width"], "%s is %d pixels wide" % (what, wide)


def test_H3_a_phone_needs_no_sideways_scrolling(house, look):
    furnish(house)
    page = look(house, OPERATOR, viewport=PHONE, hasTouch=True, isMobile=True)
    page.wait("[data-task=ORCH-002]")
    page.wait("#frozen li")
    check_width(page, "the board")
    tops = page.ask("[...document.querySelectorAll('.column:not([data-empty])')].map((column) => column.getBoundingClientRect().left)")
    assert len(set(tops)) == 1, "the columns stand below each other"
    page.do("tap", "[data-task=ORCH-001] .open")
    page.wait_text("#log-text", "analyst: run 1")
    check_width(page, "the task")
    page.do("tap", "#task-stop")
    page.wait("#ask")
    check_width(page, "the question")
    page.do("tap", "#ask-no")
    page.do("tap", "#task-close")
    page.wait_gone("#task")
    page.do("tap", "#help-button")
    page.wait("#help")
    check_width(page, "the help")
    page.press("Escape")
    page.do("tap", "#sign")
    page.wait("#sign-in")
    check_width(page, "the sign-in")


# What is read: cards, their lines of either tone, names of columns, figures. Contrast as in WCAG 2, 1.4.3.
CONTRAST = """(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data]; };
    const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
        .reduce((sum, c, at) => sum + c * [0.2126, 0.7152, 0.0722][at], 0);
    const ground = (node) => { for (; node; node = node.parentElement) { const c = rgb(getComputedStyle(node).backgroundColor); if (c[3] === 255) return c; }
        return [255, 255, 255]; };
    const texts = [...document.querySelectorAll(".card .open, .card .why, .card .repo, .card .time, .column h2 span, .figures dd, .figures dt, .state, .nodes span, #frozen strong")];
    return Math.min(...texts.filter((node) => node.textContent.trim()).map((node) => {
        const [a, b] = [light(rgb(getComputedStyle(node).color)), light(ground(node))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    }));
})()"""


def test_H3_dark_and_light_follow_the_system_or_the_reader_and_can_be_read(house, look):
    furnish(house)
    for scheme in ("light", "dark"):
        check_colours(look(house, READER, colorScheme=scheme, reducedMotion="reduce"), scheme)


def check_colours(page, scheme):
    page.wait("[data-task=ORCH-002]")
    is_dark = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)[0] < 60"
    assert page.ask(is_dark) == (scheme == "dark")
    assert page.ask("document.querySelectorAll('.card').length") >= 2
    contrast = page.ask(CONTRAST)
    assert contrast >= 4.5, "the weakest text has a contrast of %.2f" % contrast
    assert page.ask("(() => { const sheet = document.getElementById('task'); sheet.showModal(); const moving = document.getAnimations().length;"
                    " sheet.close(); return moving })()") == 0, "who wants no motion gets none"
    page.press("t")
    assert page.ask(is_dark) is False
    page.press("t")
    assert page.ask(is_dark) is True
    page.do("reload")
    page.wait("[data-task=ORCH-002]")
    assert page.ask(is_dark) is True, "the choice is kept"
    page.press("t")
    assert page.ask(is_dark) == (scheme == "dark")
