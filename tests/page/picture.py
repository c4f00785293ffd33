"""Makes the pictures of the manual, docs/images/page*.png, with what a day at a small shop may look like:

    cd tests/page && /usr/bin/python3 -m pytest -p no:cacheprovider picture.py

The tasks, runs and logs are real, with agents that wait; only titles, times and costs are made up. pytest does not collect this file by
itself."""
import talking
from house import OPERATOR, READER, ROOT

IMAGES = ROOT / "docs" / "images"
SHOWN = "#/task/SHOP-003"
LOG = """\
● Reading docs/work-items/SHOP-003/06-adr/0001-stream-the-export.md
● Looking for where orders are written
    src/orders/list.c:118   orders_each(db, filter, on_order, ctx)
● The columns are those of the analysis: number, date, customer, net, VAT, gross
● Editing src/orders/export.c
    +static void
    +put_field(struct buf *out, const char *text)
    +{
    +    bool is_quoted = text[strcspn(text, ",\\"\\r\\n")] != '\\0';
● Running ctest -R orders
    42 tests passed, 1 failed
    orders.export: expected "1 024,50", was "1024.50"
● The decimal comma belongs to the customer's locale, not to ours
● Editing src/orders/export.c
    -    buf_printf(out, "%.2f", order->gross);
    +    put_amount(out, order->gross, customer->locale);
● Running ctest -R orders
    43 tests passed
● Asking for the memory of an export of 100,000 orders
    peak 11.2 MB
"""
# Work item → (title, minutes since it began, dollars a run).
TASKS = {
    "SHOP-001": ("Fix the rounding of prices in invoices", 410, 0.41),
    "SHOP-002": ("Upload several pictures at once", 190, 0.62),
    "SHOP-003": ("Export orders as CSV, with the columns that accounting asked for", 85, 0.87),
    "SHOP-004": ("Search that forgives typing mistakes", 64, 0.33),
    "SHOP-005": ("Cache the category tree", 260, 0.58),
    "SHOP-006": ("Let customers pay by invoice", 21, 0.0),
    "BLOG-001": ("Rewrite everything in another language", 150, 0.29),
    "BLOG-002": ("Tell readers how long a post takes", 320, 0.36),
    "API-001": ("Explain the errors of the importer", 275, 0.47),
    "API-002": ("Rate limits for the public API", 118, 0.71),
    "API-003": ("Retry webhooks that were answered 5xx", 96, 0.52),
    "API-004": ("Replace the session store", 33, 0.64),
    "API-005": ("Upgrade to PostgreSQL 15", 205, 0.98),
}
TIMES = {"agent_runs": ("claimed_at", "started_at", "ended_at"), "transitions": ("at",), "outbox": ("ended_at",)}
TASK_TIMES = ("stage_since", "brd_review_started_at", "brd_review_ended_at", "finished_at", "created_at")
# Minutes for which each run that goes on has gone on.
RUNNING = {"SHOP-002": 7.2, "SHOP-003": 25.4, "API-002": 12.9, "API-004": 3.6, "API-005": 4.1}


class Day:
    def __init__(self, house):
        self.house = house
        self.issues = {}

    def begin(self, item):
        prefix = item.split("-")[0]
        project = next(project for project in self.house.projects if project["prefix"] == prefix)
        self.issues[item] = self.house.begin(TASKS[item][0], project=project["name"])
        assert self.house.task(self.issues[item])["work_item"] == item

    def approve(self, item):
        self.house.wait_analysed(self.issues[item])
        self.house.move(self.issues[item], "Approved")

    def park(self, item):
        self.begin(item)
        self.approve(item)
        self.house.wait_board(self.issues[item], "Awaiting Deploy")

    def deploy(self, item):
        self.house.move(self.issues[item], "Confirm Deploy")

    def done(self, item):
        self.park(item)
        self.deploy(item)
        self.house.wait_stage(self.issues[item], "done")

    def at_work(self, item, agent):
        talking.hold(self.house, item, agent)
        self.begin(item)
        if agent != "analyst":
            self.approve(item)
        self.house.wait_running(self.issues[item], agent)


def live(house):
    day = Day(house)
    house.sql("select orch.set_setting('serial_gate_enabled', 'off')")
    for item in ("SHOP-001", "API-001"):
        day.done(item)
    day.at_work("SHOP-002", "tester")
    day.at_work("SHOP-003", "developer")
    day.begin("SHOP-004")
    day.park("SHOP-005")
    talking.hold(house, "SHOP-006", "analyst")
    day.begin("SHOP-006")
    house.sql("select orch.add_dep('SHOP-006', 'SHOP-003')")
    talking.free(house, "SHOP-006", "analyst")
    day.begin("BLOG-001")
    house.wait_analysed(day.issues["BLOG-001"])
    house.sql("select orch.stop_task('BLOG-001', 'not this year')")
    day.done("BLOG-002")
    day.at_work("API-002", "reviewer")
    house.mode("API-003.developer", "needs_input")
    day.begin("API-003")
    day.approve("API-003")
    day.at_work("API-004", "architect")
    day.park("API-005")
    talking.hold(house, "API-005", "deployer")
    day.deploy("API-005")
    house.wait_running(day.issues["API-005"], "deployer")
    house.sql("select orch.stop_task('API-005', 'the other cluster first')")
    house.sql("select orch.freeze('acme/blog', 'BLOG-002 is DEGRADED after its deploy: GET /health answered 502')")
    talking.say(house, "SHOP-003", "developer", LOG)
    return day


def make_up(house):
    """Times and costs of a day, for what took seconds and cost nothing."""
    for item, (_, minutes, cost) in TASKS.items():
        task = house.value("select id from orch.tasks where orch.original_key(work_item) = %s", (item,))
        house.sql("update orch.agent_runs set cost_usd = %s * (0.6 + 0.2 * (id %% 5)), tokens_in = 180000 + 7919 * (id %% 37),"
                  " tokens_out = 9000 + 331 * (id %% 29), tokens_cache = 410000 where task_id = %s and ended_at is not null", (cost, task))
        # Spread from then to now: a second of the truth is many of the picture.
        stretch = "now() - (now() - {0}) * %s / extract(epoch from now() - t.created_at) * 60"
        for table, columns in TIMES.items():
            changes = ", ".join("%s = %s" % (column, stretch.format("x." + column)) for column in columns)
            house.sql("update orch.%s as x set %s from orch.tasks as t where t.id = x.task_id and t.id = %%s" % (table, changes),
                      [minutes] * len(columns) + [task])
        changes = ", ".join("%s = %s" % (column, stretch.format("t." + column)) for column in TASK_TIMES)
        house.sql("update orch.tasks as t set %s where id = %%s" % changes, [minutes] * len(TASK_TIMES) + [task])
        if item in RUNNING:
            house.sql("update orch.agent_runs set (started_at, claimed_at) = (select d, d from (select now() - %s * interval '1 minute') as x (d))"
                      " where task_id = %s and ended_at is null", (RUNNING[item], task))


def test_the_pictures(house_of, look):
    house = house_of(projects=("shop:SHOP:acme/shop", "blog:BLOG:acme/blog", "api:API:acme/api"), env={"ORCH_MAX_CONCURRENCY": "6"})
    house.node = "node-1"
    talking.furnish(house)
    live(house)
    house.start_node("node-2")
    make_up(house)
    IMAGES.mkdir(exist_ok=True)
    board = look(house, READER, viewport={"width": 1360, "height": 620}, colorScheme="light")
    board.wait_text("#nodes", "node-2")
    board.wait("[data-stage=done] .card")
    board.picture(IMAGES / "page.png")
    task = look(house, OPERATOR, SHOWN, viewport={"width": 1360, "height": 660}, colorScheme="dark")
    task.wait_text("#log-text", "peak 11.2 MB")
    task.picture(IMAGES / "page-task.png", animations="disabled")
    phone = look(house, READER, viewport={"width": 390, "height": 780}, deviceScaleFactor=1.5, colorScheme="light", isMobile=True, hasTouch=True)
    phone.wait("[data-stage=done] .card")
    phone.picture(IMAGES / "page-phone.png")
    for picture in IMAGES.glob("page*.png"):
        assert picture.stat().st_size < 200000, picture
