/* task: the sheet of one task: why it is where it is, its facts, its runs and the log of one of them, its story. The address names it. */
import { askJson, sentence } from "./api.js";
import { Rows, byId, el, setAttribute, setLink, setText } from "./dom.js";
import { toneOf, whyOf } from "./board.js";
import { askToStop } from "./dialogs.js";
import { LogView } from "./log.js";
import { many, moment, money, now, plural, since, span, stageName, withShortIds, workItem } from "./words.js";

/* News that come together are asked for once. */
const SOON_MS = 200;
/* What no event tells of, such as a clean-up after a STOP. */
const AGAIN_MS = 10000;

const sum = (rows, key) => rows.reduce((total, row) => total + Number(row[key] ?? 0), 0);

const tookOf = (run) => (run.started_at ? span((run.ended_at ? Date.parse(run.ended_at) : now()) - Date.parse(run.started_at)) : "");

/* "12k → 870", with what came from the cache in the title */
const tokensOf = (run) => (run.tokens_in === null && run.tokens_out === null ? "" : `${many(run.tokens_in ?? 0)} → ${many(run.tokens_out ?? 0)}`);

function endOf(run) {
    if (!run.ended_at)
        return run.started_at ? "running" : "starting";
    if (run.outcome === "failed" && run.signal)
        return `signal ${run.signal}`;
    return run.outcome === "failed" && run.exit_status !== null ? `failed (${run.exit_status})` : run.outcome;
}

function makeRun(run, onChosen) {
    const button = el("button", { type: "button", class: "run" }, String(run.id));
    const cells = ["agent", "outcome", "node", "began", "took", "tokens", "cost"].map((name) =>
        el("td", { class: name }));

    button.addEventListener("click", () => onChosen(run.id));
    return el("tr", {}, el("td", {}, button), ...cells);
}

function fillRun(row, run, chosen) {
    const [, agent, outcome, node, began, took, tokens, cost] = row.cells;

    setAttribute(row, "data-outcome", run.ended_at ? run.outcome : "running");
    setAttribute(row, "aria-current", run.id === chosen);
    setAttribute(row, "title", run.message);
    setText(agent, run.attempt > 1 ? `${run.agent}, attempt ${run.attempt}` : run.agent);
    setText(outcome, endOf(run));
    setText(node, run.node);
    setText(began, moment(run.started_at ?? run.claimed_at));
    setText(took, tookOf(run));
    setText(tokens, tokensOf(run));
    setAttribute(tokens, "title", run.tokens_cache ? `${many(run.tokens_cache)} from the cache` : null);
    setText(cost, money(run.cost_usd));
}

/* [name, value] of what there is to know. */
function factsOf(task) {
    const runs = task.runs ?? [];
    const stop = [task.cancel_reason, task.cancel_actor && `by ${task.cancel_actor}`, task.cancel_via && `through ${task.cancel_via}`];

    return [
        ["Repository", task.repo],
        ["Branch", task.branch],
        ["Head", task.head_sha?.slice(0, 10)],
        ["Pull request", task.pull_number && `#${task.pull_number}`],
        ["Began", moment(task.created_at)],
        task.finished_at ? ["Ended", moment(task.finished_at)] : ["In this stage", `for ${since(task.stage_since)}`],
        ["STOP asked", task.cancel_requested_at && moment(task.cancel_requested_at)],
        ["STOP", (task.cancelled_at || task.cancel_requested_at) && withShortIds(stop.filter(Boolean).join(", "))],
        ["Cost", `${money(sum(runs, "cost_usd"))} in ${plural(runs.length, "run", "runs")}`],
        ["Tokens", runs.length ? `${many(sum(runs, "tokens_in"))} in, ${many(sum(runs, "tokens_out"))} out, ${many(sum(runs, "tokens_cache"))} cached` : null],
        ["Task", String(task.id)],
    ].filter(([, value]) => value);
}

export class TaskSheet {
    constructor({ taskOf, onClosed }) {
        Object.assign(this, { taskOf, dialog: byId("task"), log: new LogView(), ref: null });
        this.runs = new Rows(byId("runs-body"), (run) => run.id, (run) => makeRun(run, (id) => this.choose(id)),
            (row, run) => fillRun(row, run, this.shownRun));
        this.facts = new Rows(byId("facts"), ([name]) => name, ([name]) => el("div", {}, el("dt", {}, name), el("dd")),
            (row, [, value]) => setText(row.lastElementChild, value));
        this.story = new Rows(byId("story"), (line) => line.key, () => el("li", {}, el("time"), el("span")), fillLine);
        this.moves = new Rows(byId("moves"), (line) => line.key, () => el("li", {}, el("time"), el("span")), fillLine);
        byId("task-stop").addEventListener("click", () => this.stop());
        byId("task-close").addEventListener("click", () => this.dialog.close());
        this.dialog.addEventListener("click", (event) => {
            if (event.target === this.dialog)
                this.dialog.close();
        });
        // The event comes later than the closing: the sheet may be open again by then.
        this.dialog.addEventListener("close", () => {
            if (this.dialog.open)
                return;
            this.forget();
            onClosed();
        });
    }

    get isOpen() {
        return this.dialog.open;
    }

    /* ref: a work item or a number. */
    open(ref) {
        if (this.ref === ref)
            return;
        this.forget();
        this.ref = ref;
        if (!this.dialog.open)
            this.dialog.showModal();
        byId("task-title").focus();
        this.load();
    }

    forget() {
        clearTimeout(this.timer);
        this.ref = this.task = this.seen = this.chosen = this.shownRun = null;
        this.log.close();
        for (const rows of [this.runs, this.facts, this.story, this.moves])
            rows.show([]);
        for (const id of ["task-item", "task-stage", "task-title", "task-why", "task-error"])
            setText(byId(id), "");
        byId("task-stop").hidden = true;
        byId("runs-none").hidden = true;
        byId("runs-scroll").hidden = true;
        this.dialog.dataset.tone = "";
    }

    /* Told with each state of the board, and of each transition: asks again when this task is another than it was. */
    onBoard() {
        const fresh = this.task && JSON.stringify(this.taskOf(this.task.id) ?? null);

        if (fresh && fresh !== this.seen)
            this.loadSoon();
    }

    onTransition(move) {
        if (move.task_id === this.task?.id)
            this.loadSoon();
    }

    onLive() {
        if (this.ref) {
            this.loadSoon();
            this.log.resume();
        }
    }

    loadSoon(ms = SOON_MS) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => this.load(), ms);
    }

    async load() {
        const ref = this.ref;

        clearTimeout(this.timer);
        try {
            // Once its number is known it is asked for by that: the name may pass to another task.
            const path = `tasks/${encodeURIComponent(this.task?.id ?? ref)}`;
            const [task, story] = await Promise.all([askJson(path), askJson(`${path}/why`)]);
            if (this.ref !== ref)
                return;
            setText(byId("task-error"), "");
            this.show(task, story.story ?? []);
        } catch (problem) {
            if (this.ref === ref)
                setText(byId("task-error"), problem.status === 404 ? `There is no task ${ref}. Accepted is a work item such as ORCH-042, or a task's number.`
                    : sentence(problem, "read tasks"));
        }
        if (this.ref === ref && this.task && !document.hidden)
            this.loadSoon(AGAIN_MS);
    }

    show(task, story) {
        // The board knows a task's address and its open run; the task itself the rest.
        const known = this.taskOf(task.id) ?? {};
        const whole = { ...known, ...task, run: known.run };

        this.task = task;
        this.seen = JSON.stringify(this.taskOf(task.id) ?? null);
        this.dialog.dataset.tone = toneOf(whole);
        setText(byId("task-item"), workItem(task));
        setLink(byId("task-item"), known.url);
        setText(byId("task-stage"), stageName(task.stage));
        setText(byId("task-title"), task.title);
        setText(byId("task-why"), this.whyWords(whole, story));
        byId("task-stop").hidden = task.stage === "done";
        setText(byId("task-stop"), task.cancel_requested_at && !task.finished_at ? "STOP waits for the deploy to end" : "STOP");
        this.facts.show(factsOf(task));
        this.story.show(story.map((line, at) => ({ key: at, at: line.at, words: line.what })));
        this.moves.show((task.transitions ?? []).map((move) => ({
            key: move.id, at: move.at, words: `${move.from_stage ?? "new"} → ${move.to_stage}: ${move.cause}, by ${move.actor}`,
        })));
        this.showRuns(task.runs ?? []);
    }

    /* The present: the last line of the story begins with "now: ". */
    whyWords(task, story) {
        const present = story.at(-1)?.what.replace(/^now: /, "") ?? task.why ?? "";

        return task.cancel_requested_at && !task.finished_at ? `${whyOf(task)}. ${present}` : present;
    }

    /* The log of the run that was chosen, or of the newest. */
    showRuns(runs) {
        const newestFirst = [...runs].sort((a, b) => b.id - a.id);
        const shown = newestFirst.find((run) => run.id === this.chosen) ?? newestFirst[0];

        this.list = newestFirst;
        this.shownRun = shown?.id;
        byId("runs-none").hidden = runs.length > 0;
        byId("runs-scroll").hidden = runs.length === 0;
        this.runs.show(newestFirst);
        if (shown)
            this.log.open(shown);
    }

    choose(id) {
        this.chosen = id;
        this.showRuns(this.list);
    }

    tick() {
        if (!this.task || !this.list)
            return;
        this.runs.show(this.list);
        this.facts.show(factsOf(this.task));
    }

    stop() {
        if (this.task && this.task.stage !== "done")
            askToStop(this.task);
    }
}

function fillLine(row, line) {
    setText(row.firstElementChild, moment(line.at));
    setAttribute(row.firstElementChild, "datetime", line.at);
    setText(row.lastElementChild, withShortIds(line.words));
    setAttribute(row.lastElementChild, "title", line.words);
}
