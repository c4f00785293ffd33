/* page: the wiring. The stream of events feeds the board, the figures and the sheet of the task that is open; keys and the address steer. */
import { sentence, token } from "./api.js";
import { Board, toneOf } from "./board.js";
import { SignIn, askToUnfreeze, notice } from "./dialogs.js";
import { Rows, byId, el, setAttribute, setText } from "./dom.js";
import { Stream } from "./stream.js";
import { TaskSheet } from "./task.js";
import { clock, moment, money } from "./words.js";

const TICK_MS = 1000;
const THEMES = { auto: "as the system has it", light: "light", dark: "dark" };
const COUNTS = ["running", "queued", "held"];

let newest = null; /* the board as it was told last */
let heardAt = null;

const board = new Board();
const sheet = new TaskSheet({ taskOf: (id) => board.taskOf(id), onClosed: () => leaveTask() });
const signIn = new SignIn(() => begin());
const stream = new Stream("events", { state: onState, event: onEvent });

/* --- figures, nodes, frozen repositories --------------------------------------------------------------------------------------------- */

const figures = new Rows(byId("figures"), (figure) => figure.name,
    (figure) => el("div", { "data-figure": figure.name }, el("dt", {}, figure.words), el("dd")),
    (row, figure) => setText(row.lastElementChild, figure.value));

const nodes = new Rows(byId("nodes"), (node) => node.node, () => el("li", {}, el("i", { class: "dot" }), el("span", { class: "name" }), el("span")), showNode);

const frozen = new Rows(byId("frozen"), (freeze) => freeze.repo, makeFrozen, (row, freeze) => {
    row.freeze = freeze;
    setText(row.firstElementChild, `${freeze.repo} is frozen:`);
    setText(row.children[1], `${freeze.reason} (by ${freeze.frozen_by}, ${moment(freeze.frozen_at)})`);
});

function makeFrozen() {
    const button = el("button", { type: "button", class: "plain" }, "Unfreeze");
    const row = el("li", {}, el("strong"), el("span"), button);

    button.addEventListener("click", () => askToUnfreeze(row.freeze));
    return row;
}

function showNode(row, node) {
    const isUp = node.state === "alive" || node.state === "draining";
    const slots = `${node.running}/${node.slots}`;

    setAttribute(row, "data-state", node.state);
    setAttribute(row, "title", `${node.node} is ${node.state}: ${node.running} of ${node.slots} agents at work, orchd ${node.version}, since ${moment(node.started_at)}`
        + (node.containment ? `, contained by ${node.containment}` : ""));
    setText(row.children[1], node.node);
    setText(row.children[2], node.state === "alive" ? slots : isUp ? `${node.state} ${slots}` : node.state);
}

function showFigures({ counts = {}, cost_today_usd: cost }) {
    figures.show([...COUNTS.map((name) => ({ name, words: name, value: String(counts[name] ?? 0) })),
        { name: "cost", words: "today", value: money(cost ?? 0) }]);
}

/* How many wait for a person, for whoever has the page among other tabs. */
function showTitle(tasks) {
    const count = tasks.filter((task) => toneOf(task) === "person").length;

    document.title = count ? `(${count}) orchd` : "orchd";
}

/* --- the stream ---------------------------------------------------------------------------------------------------------------------- */

function onEvent(name, data) {
    if (name === "board")
        showBoard(data);
    else if (name === "transition")
        sheet.onTransition(data);
}

function showBoard(told) {
    newest = told;
    heardAt = Date.now();
    board.show(told);
    showFigures(told);
    showTitle(told.tasks);
    nodes.show(told.nodes ?? []);
    frozen.show(told.frozen ?? []);
    setText(byId("version"), [...new Set(told.nodes?.map((node) => `orchd ${node.version}`))].join(", "));
    sheet.onBoard();
}

function forgetAll() {
    newest = heardAt = null;
    showTitle([]);
    board.clear();
    for (const rows of [figures, nodes, frozen])
        rows.show([]);
    if (sheet.isOpen)
        byId("task").close();
}

/* Never more than is true: what is shown is of now, or of a moment that is named. */
function onState(state, problem) {
    const from = heardAt ? `; what you see is from ${clock(heardAt)}` : "";
    const words = {
        off: "signed out", connecting: "connecting", live: "live", refused: "not signed in", away: `the database is away${from}`,
    };

    byId("state").dataset.state = state;
    document.body.classList.toggle("stale", state !== "live" && newest !== null);
    setText(byId("state").lastElementChild, words[state] ?? `reconnecting${from}`);
    setAttribute(byId("state"), "title", problem ? sentence(problem, "read the board", "The page tries again by itself.") : null);
    if (state === "live")
        sheet.onLive();
    if (state === "refused" && problem)
        signIn.open(sentence(problem, "read the board"));
    setText(byId("sign"), token.get() ? "Sign out" : "Sign in");
    if (state === "away" && !newest)
        setEmpty("orchd cannot reach its database. The page goes on by itself when it is back.");
    if (state === "waiting" && !newest)
        setEmpty(sentence(problem, "read the board", "The page tries again by itself."));
}

function setEmpty(text) {
    setText(byId("empty"), text);
    byId("empty").hidden = text === "";
}

function onSign() {
    if (token.get()) {
        token.forget();
        stream.stop();
        forgetAll();
        notice("Signed out: the token is forgotten.");
    }
    setEmpty("");
    signIn.open();
}

/* --- the address --------------------------------------------------------------------------------------------------------------------- */

/* An address that somebody broke names no task, which is then said. */
function decoded(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return text;
    }
}

function onAddress() {
    const [, ref] = /^#\/task\/(.+)$/.exec(location.hash) ?? [];

    if (ref && token.get())
        sheet.open(decoded(ref));
    else if (sheet.isOpen)
        byId("task").close();
}

function leaveTask() {
    if (location.hash)
        history.replaceState(null, "", location.pathname + location.search);
}

/* --- keys ---------------------------------------------------------------------------------------------------------------------------- */

const isTyping = (target) => target.matches("input:not([type=checkbox]), textarea, select");

function onKey(event) {
    const keys = sheet.isOpen ? { s: () => sheet.stop(), p: () => byId("log-pause").click() } : { "/": focusFilter, f: focusFilter };
    const act = { ...keys, t: nextTheme, "?": () => byId("help").showModal() }[event.key];
    const isCovered = ["ask", "sign-in", "help"].some((id) => byId(id).open);

    if (!act || isCovered || isTyping(event.target) || event.altKey || event.ctrlKey || event.metaKey)
        return;
    event.preventDefault();
    act();
}

function focusFilter() {
    byId("filter").focus();
    byId("filter").select();
}

function onFilterKey(event) {
    if (event.key === "Escape") {
        byId("filter").value = "";
        board.setFilter("");
        byId("filter").blur();
    } else if (event.key === "Enter") {
        board.first()?.click();
    } else if (event.key === "ArrowDown") {
        event.preventDefault();
        board.first()?.focus();
    }
}

function nextTheme() {
    theme.next();
    showTheme();
}

function showTheme() {
    const words = THEMES[theme.get()];

    setAttribute(byId("theme"), "aria-label", `Colours: ${words}`);
    setAttribute(byId("theme"), "title", `Colours: ${words} (t)`);
}

/* --- begin --------------------------------------------------------------------------------------------------------------------------- */

/* Without a token nothing would be answered: it is asked for first. */
function begin() {
    if (!token.get()) {
        onState("refused");
        signIn.open();
        return;
    }
    setEmpty("");
    stream.start();
    onAddress();
}

/* Times stand still with the rest when nobody knows whether a run goes on. */
function tick() {
    if (document.hidden || stream.state !== "live")
        return;
    board.tick();
    sheet.tick();
}

byId("filter").addEventListener("input", () => board.setFilter(byId("filter").value));
byId("filter").addEventListener("keydown", onFilterKey);
byId("help-button").addEventListener("click", () => byId("help").showModal());
byId("theme").addEventListener("click", nextTheme);
byId("sign").addEventListener("click", onSign);
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", () => document.hidden || (tick(), stream.hurry()));
addEventListener("online", () => stream.hurry());
addEventListener("hashchange", onAddress);
setInterval(tick, TICK_MS);
showTheme();
begin();
