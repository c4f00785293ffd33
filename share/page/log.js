/* log: the log of one run, followed while it runs. It stays at its end until the reader scrolls up; what comes meanwhile is counted.
 *
 *   closed ──open()──▶ early (not started yet) ──▶ reading ──▶ over: the run has ended, or orchd has, which the run tells
 *                                                    ├──▶ failed: said in words
 *                                                    └──▶ broken: the stream broke off
 *   broken, or over and the run goes on ──resume(), when the page is live again──▶ reading */
import { ask, sentence } from "./api.js";
import { byId, el, setText } from "./dom.js";
import { plural, size } from "./words.js";

const TAIL = 65536;
/* Characters that are kept: some thousand lines, which a phone can still lay out. */
const MOST = 400000;
/* Pixels from the end that still count as the end. */
const NEAR = 24;
const BROKEN = "the log was cut off; it goes on when orchd is back";
// Colours and cursor movements of terminals: ESC [ … letter, ESC ] … BEL, ESC and one letter.
const ESCAPES = /\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])/g;

/* Text without what only a terminal understands; clean(text) may get it cut anywhere. */
export class Cleaner {
    rest = "";

    clean(text) {
        const all = (this.rest + text).replace(ESCAPES, "");
        const cut = all.lastIndexOf("\x1b");
        const whole = cut >= 0 && all.length - cut < 200 ? cut : all.length;
        this.rest = all.slice(whole);
        return all.slice(0, whole).replaceAll("\r\n", "\n").replaceAll("\r", "\n");
    }
}

export class LogView {
    constructor() {
        this.text = byId("log-text");
        this.run = null;
        this.isHeld = false;
        this.text.addEventListener("scroll", () => this.onScroll());
        byId("log-pause").addEventListener("click", () => this.toggle());
        byId("log-save").addEventListener("click", () => this.save());
    }

    /* run: { id, started_at, … }. The one that is shown already goes on being shown. */
    open(run) {
        if (this.run?.id !== run.id) {
            this.close();
            this.isHeld = false;
            byId("log").hidden = false;
            setText(byId("log-title"), `Log of run ${run.id}`);
        }
        this.run = run;
        if (this.state === "closed" || this.state === "early" || this.isWorthAnotherTry)
            this.begin();
        else
            this.tell();
    }

    /* What may pass: orchd or its database away, too many streams. The sheet asks again now and then, and so does this. */
    get isWorthAnotherTry() {
        return this.state === "broken" || (this.state === "failed" && this.problem.status >= 500);
    }

    /* A run that was claimed has no log before its command has started. */
    begin() {
        if (this.run.started_at || this.run.ended_at)
            this.read();
        else
            this.enter("early");
    }

    close() {
        this.control?.abort();
        this.control = null;
        this.run = null;
        this.clear();
        byId("log").hidden = true;
    }

    clear() {
        this.text.replaceChildren();
        this.cleaner = new Cleaner();
        this.pending = "";
        this.kept = 0;
        this.missed = 0;
        this.received = 0;
        this.state = "closed";
    }

    resume() {
        if (this.state === "broken" || (this.state === "over" && !this.run.ended_at))
            this.read();
    }

    async read() {
        const control = new AbortController();
        const run = this.run;

        this.control?.abort();
        this.control = control;
        this.clear();
        this.enter("reading");
        try {
            const answer = await ask(`runs/${run.id}/log?follow=1&tail=${TAIL}`, { signal: control.signal });
            const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
            for (;;) {
                const { value, done } = await reader.read();
                if (control.signal.aborted)
                    return;
                if (done)
                    break;
                this.add(value);
            }
            this.enter("over");
        } catch (problem) {
            if (!control.signal.aborted)
                this.enter(problem.status > 0 ? "failed" : "broken", problem);
        }
    }

    enter(state, problem) {
        this.state = state;
        this.problem = problem;
        this.tell();
    }

    /* Pieces that come within one frame are drawn together. */
    add(text) {
        this.received += text.length;
        if (!this.pending)
            requestAnimationFrame(() => this.draw());
        // A tab that is hidden draws nothing, and must not keep all that comes meanwhile.
        this.pending = (this.pending + this.cleaner.clean(text)).slice(-MOST);
        if (!this.pending)
            this.tell();
    }

    draw() {
        const text = this.pending;

        this.pending = "";
        if (!text || !this.run)
            return;
        this.text.append(el("span", {}, text));
        this.kept += text.length;
        if (this.isHeld) {
            this.missed += text.split("\n").length - 1;
        } else {
            this.trim();
            this.text.scrollTop = this.text.scrollHeight;
        }
        this.tell();
    }

    /* Not while somebody reads: the text would move below their eyes. */
    trim() {
        while (this.kept > MOST && this.text.childElementCount > 1) {
            this.kept -= this.text.firstElementChild.textContent.length;
            this.text.firstElementChild.remove();
        }
    }

    onScroll() {
        const isAtEnd = this.text.scrollHeight - this.text.scrollTop - this.text.clientHeight < NEAR;

        if (isAtEnd === this.isHeld)
            this.hold(!isAtEnd);
    }

    toggle() {
        this.hold(!this.isHeld);
        if (!this.isHeld)
            this.text.scrollTop = this.text.scrollHeight;
    }

    hold(isHeld) {
        this.isHeld = isHeld;
        if (!isHeld)
            this.missed = 0;
        this.tell();
    }

    tell() {
        const held = this.isHeld ? `paused${this.missed ? `, ${plural(this.missed, "new line", "new lines")}` : ""}` : "following";
        const words = {
            early: "the run has not started yet",
            reading: `${held} · ${size(this.received)}`,
            over: this.run?.ended_at ? `the run has ended · ${size(this.received)}` : BROKEN,
            broken: BROKEN,
            failed: this.problem && sentence(this.problem, "read logs"),
        };
        setText(byId("log-state"), words[this.state] ?? "");
        setText(byId("log-pause"), this.isHeld ? "Follow" : "Pause");
        byId("log-pause").hidden = this.state !== "reading";
        byId("log-save").hidden = this.state === "failed" || this.state === "early";
        byId("log").dataset.state = this.isHeld ? "held" : this.state;
    }

    /* The whole file, as it is. */
    async save() {
        const run = this.run;

        try {
            const file = await (await ask(`runs/${run.id}/log`)).blob();
            const link = el("a", { href: URL.createObjectURL(file), download: `run-${run.id}.log` });
            link.click();
            setTimeout(() => URL.revokeObjectURL(link.href), 60000);
        } catch (problem) {
            setText(byId("log-state"), sentence(problem, "read logs"));
        }
    }
}
