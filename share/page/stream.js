/* stream: the server-sent events of orchd, read with fetch(), because EventSource cannot send a token.
 *
 *   off ──start()──▶ connecting ──an event──▶ live, or away ──its end, or silence──▶ waiting ──back-off──▶ connecting
 *    ▲                    └──401, 403──▶ refused                                  (from any state: stop() ──▶ off)
 *
 * away: orchd is there, its database is not.
 *
 * on.state(name, problem) tells each change; on.event(name, data, id) each event. */
import { Problem, ask } from "./api.js";

const FIRST_WAIT = 500;
const LONGEST_WAIT = 15000;
/* The server says something at least every 15 s: twice that, and a little, is silence. */
const SILENCE = 40000;

/* The format of text/event-stream; push(text) takes it in pieces of any size. */
export class Parser {
    constructor(onEvent) {
        this.onEvent = onEvent;
        this.rest = "";
        this.clear();
    }

    clear() {
        this.name = "message";
        this.data = [];
    }

    push(text) {
        const lines = (this.rest + text).split(/\r\n|\n|\r(?!$)/);
        this.rest = lines.pop();
        for (const line of lines)
            this.take(line);
    }

    take(line) {
        if (line === "") {
            if (this.data.length)
                this.onEvent(this.name, this.data.join("\n"), this.id);
            this.clear();
            return;
        }
        const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line);
        if (field === "event")
            this.name = value;
        else if (field === "data")
            this.data.push(value);
        else if (field === "id")
            this.id = value;
    }
}

export class Stream {
    constructor(path, on) {
        Object.assign(this, { path, on, state: "off", failures: 0, lastId: null });
    }

    start() {
        this.stop();
        this.failures = 0;
        this.connect();
    }

    stop() {
        clearTimeout(this.timer);
        this.control?.abort();
        this.control = null;
        this.enter("off");
    }

    /* Does not wait any longer: the network is back, or somebody looks again. */
    hurry() {
        if (this.state === "waiting")
            this.connect();
    }

    enter(state, problem) {
        if (this.state === state && !problem)
            return;
        this.state = state;
        this.on.state(state, problem);
    }

    async connect() {
        const control = new AbortController();

        clearTimeout(this.timer);
        this.control?.abort();
        this.control = control;
        if (this.failures === 0)
            this.enter("connecting");
        try {
            await this.read(control);
            throw new Problem(0, { detail: "the stream ended" });
        } catch (why) {
            if (this.control === control)
                this.onFailed(why instanceof Problem ? why : new Problem(0, { detail: why.message }));
        }
    }

    async read(control) {
        const headers = { Accept: "text/event-stream" };
        if (this.lastId)
            headers["Last-Event-ID"] = this.lastId;
        this.listen(control);
        const answer = await ask(this.path, { headers, signal: control.signal });
        const parser = new Parser((name, data, id) => this.onEvent(name, data, id));
        const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
        for (;;) {
            const { value, done } = await reader.read();
            if (done)
                return;
            this.listen(control);
            parser.push(value);
        }
    }

    /* Whoever says nothing for so long is gone, though the connection may not know. */
    listen(control) {
        clearTimeout(this.timer);
        this.timer = setTimeout(() => control.abort(), SILENCE);
    }

    onEvent(name, data, id) {
        this.failures = 0;
        this.lastId = id ?? this.lastId;
        this.enter(name === "away" ? "away" : "live");
        this.on.event(name, JSON.parse(data));
    }

    onFailed(problem) {
        clearTimeout(this.timer);
        this.control?.abort();
        if (problem.status === 401 || problem.status === 403) {
            this.enter("refused", problem);
            return;
        }
        const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.failures);
        this.failures++;
        this.enter("waiting", problem);
        // Between half and all of it, so that many pages do not come back at once.
        this.timer = setTimeout(() => this.connect(), wait * (0.5 + Math.random() / 2));
    }
}
