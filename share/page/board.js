/* board: tasks as cards in columns by stage. A card is made once for each task and changed from then on: focus, scroll and selection stay. */
import { arrange, byId, el, keepingFocus, setAttribute, setLink, setText } from "./dom.js";
import { age, money, since, stageName, workItem } from "./words.js";

/* How long a card that has moved stays marked. */
const MARK_MS = 4000;

/* A task waits for a person where a person's gesture is what comes next. */
const PERSON = /^(needs input|blocked|waits for a person|parked)/;

const isTerminal = (stage) => stage === "done" || stage === "cancelled";

export function toneOf(task) {
    if (isTerminal(task.stage))
        return task.stage;
    if (task.cancel_requested_at)
        return "stop";
    if (task.run)
        return "run";
    return task.attention || PERSON.test(task.why ?? "") ? "person" : "wait";
}

/* What stands in the last lines of a card: who works, or why nobody does. */
export function whyOf(task) {
    if (task.cancel_requested_at && !task.finished_at)
        return "STOP waits for the deploy to end";
    if (task.run && task.finished_at)
        return "its processes are being ended";
    if (task.run) {
        const attempt = task.run.attempt > 1 ? `, attempt ${task.run.attempt}` : "";
        return `${task.run.agent} on ${task.run.node}${attempt}`;
    }
    return task.finished_at ? "" : task.why ?? "";
}

/* The page's name of a task: a stopped one has given its work item free, and is known by its number. */
export const addressOf = (task) => `#/task/${encodeURIComponent(task.stage === "cancelled" ? task.id : workItem(task))}`;

class Card {
    constructor() {
        this.open = el("a", { class: "open" });
        this.item = el("a", { class: "item", target: "_blank", rel: "noreferrer" });
        this.time = el("span", { class: "time" });
        this.repo = el("span", { class: "repo" });
        this.cost = el("span", { class: "cost" });
        this.why = el("p", { class: "why" });
        this.node = el("li", { class: "card" },
            el("div", { class: "line" }, el("i", { class: "dot" }), this.item, el("span", { class: "fill" }), this.time),
            el("p", { class: "title" }, this.open), el("div", { class: "line" }, this.repo, el("span", { class: "fill" }), this.cost), this.why);
    }

    show(task) {
        const told = JSON.stringify(task);

        if (told === this.told)
            return;
        this.told = told;
        this.task = task;
        setAttribute(this.node, "data-tone", toneOf(task));
        setAttribute(this.node, "data-task", workItem(task));
        setText(this.item, workItem(task));
        setLink(this.item, task.url);
        setAttribute(this.item, "title", task.url ? "On the board" : null);
        setAttribute(this.open, "href", addressOf(task));
        setAttribute(this.open, "aria-label", `${workItem(task)}: ${task.title}`);
        setAttribute(this.open, "title", task.title);
        setText(this.open, task.title ?? "");
        setText(this.repo, task.repo ?? "");
        setText(this.cost, Number(task.cost_usd) > 0 ? money(task.cost_usd) : "");
        setAttribute(this.time, "title", task.run ? "how long its run goes on" : "how long it is in this stage");
        setText(this.why, whyOf(task));
        setAttribute(this.why, "title", task.why);
        this.tick();
        this.words = [workItem(task), task.title, task.repo, task.stage, task.run?.agent, task.run?.node, task.why].join(" ").toLowerCase();
    }

    tick() {
        const { run, finished_at: end, stage_since: entered } = this.task;

        if (run?.started_at)
            setText(this.time, since(run.started_at));
        else
            setText(this.time, end || !entered ? "" : age(entered));
    }

    mark() {
        setAttribute(this.node, "data-moved", true);
        clearTimeout(this.marked);
        this.marked = setTimeout(() => setAttribute(this.node, "data-moved", null), MARK_MS);
    }
}

class Column {
    constructor(stage) {
        const id = `stage-${stage}`;

        this.count = el("span", { class: "count" });
        this.list = el("ul", { class: "cards", "aria-labelledby": id });
        this.node = el("section", { class: "column", "data-stage": stage, "aria-labelledby": id },
            el("h2", { id }, el("span", {}, stageName(stage)), this.count), this.list);
    }

    show(cards) {
        arrange(this.list, cards.map((card) => card.node));
        setText(this.count, cards.length ? String(cards.length) : "");
        setAttribute(this.node, "data-empty", cards.length === 0);
    }
}

/* Oldest first, as they will be done; of those that have ended, the newest. */
const byAge = (a, b) => a.id - b.id;
const byEnd = (a, b) => Date.parse(b.finished_at) - Date.parse(a.finished_at);

export class Board {
    constructor() {
        this.root = byId("board");
        this.empty = byId("empty");
        this.cards = new Map();
        this.columns = new Map();
        this.ended = el("div", { class: "ended" });
        this.tasks = null;
        this.filter = "";
        this.root.addEventListener("keydown", (event) => this.onKey(event));
    }

    show({ tasks, stages }) {
        this.tasks = tasks;
        this.stages = stages;
        keepingFocus(() => this.draw());
    }

    clear() {
        this.tasks = null;
        this.cards.clear();
        this.columns.clear();
        this.root.replaceChildren();
        this.empty.hidden = true;
    }

    /* Answers how many match. */
    setFilter(text) {
        this.filter = text.trim().toLowerCase();
        if (this.tasks)
            this.draw();
    }

    draw() {
        const fresh = new Map();

        for (const task of this.tasks) {
            const card = this.cards.get(task.id) ?? new Card();
            const was = card.task?.stage;
            card.show(task);
            if (was && was !== task.stage)
                card.mark();
            fresh.set(task.id, card);
        }
        this.cards = fresh;
        this.drawColumns();
        this.drawEmpty();
    }

    drawColumns() {
        const shown = [...this.cards.values()].filter((card) => this.matches(card));
        const columns = new Map(this.stages.map((stage) => [stage, this.columns.get(stage) ?? new Column(stage)]));

        for (const [stage, column] of columns) {
            const tasks = shown.filter((card) => card.task.stage === stage);
            column.show(tasks.sort((a, b) => (a.task.finished_at ? byEnd : byAge)(a.task, b.task)));
        }
        this.columns = columns;
        const nodesOf = (isEnd) => this.stages.filter((stage) => isTerminal(stage) === isEnd).map((stage) => columns.get(stage).node);
        arrange(this.ended, nodesOf(true));
        arrange(this.root, [...nodesOf(false), this.ended]);
        this.shownCount = shown.length;
    }

    drawEmpty() {
        this.empty.hidden = this.shownCount > 0;
        this.root.hidden = this.shownCount === 0;
        if (this.tasks.length === 0)
            setText(this.empty, "No tasks yet: move a card to To Analyse on the board, and it appears here.");
        else if (this.shownCount === 0)
            setText(this.empty, `No task matches “${this.filter}”. Esc clears the filter.`);
    }

    matches(card) {
        return this.filter.split(/\s+/).every((word) => card.words.includes(word));
    }

    first() {
        return this.root.querySelector(".card .open");
    }

    tick() {
        for (const card of this.cards.values())
            card.tick();
    }

    taskOf(id) {
        return this.cards.get(id)?.task;
    }

    onKey(event) {
        const card = document.activeElement.closest?.(".card");
        const goal = card && !event.altKey && !event.ctrlKey && !event.metaKey ? this.neighbour(card, event.key) : null;

        if (!goal)
            return;
        event.preventDefault();
        goal.querySelector(".open").focus();
    }

    neighbour(card, key) {
        if (key === "ArrowDown")
            return card.nextElementSibling;
        if (key === "ArrowUp")
            return card.previousElementSibling;
        if (key !== "ArrowLeft" && key !== "ArrowRight")
            return null;
        const filled = [...this.root.querySelectorAll(".column")].filter((column) => column.querySelector(".card"));
        const column = filled[filled.indexOf(card.closest(".column")) + (key === "ArrowRight" ? 1 : -1)];
        const at = [...card.parentElement.children].indexOf(card);
        const cards = column ? [...column.querySelectorAll(".card")] : [];
        return cards[Math.min(at, cards.length - 1)] ?? null;
    }
}
