/* api: asks orchd, with the token, and says in a sentence what to do when that fails. All addresses are relative to where this file is. */
import { heardDate, sentenceOf } from "./words.js";

const base = new URL("..", import.meta.url);
const KEY = "orchd.token";
/* Longer than orchd and a proxy take to say that they cannot. */
const PATIENCE_MS = 30000;

export const token = {
    get: () => sessionStorage.getItem(KEY) ?? localStorage.getItem(KEY),
    isKept: () => localStorage.getItem(KEY) !== null,
    forget() {
        sessionStorage.removeItem(KEY);
        localStorage.removeItem(KEY);
    },
    set(text, isKept) {
        this.forget();
        (isKept ? localStorage : sessionStorage).setItem(KEY, text);
    },
};

/* What orchd answered instead of what was asked for; status 0: it did not answer. */
export class Problem extends Error {
    constructor(status, body) {
        super(body.detail ?? body.title ?? "");
        this.status = status;
        this.body = body;
    }
}

/* A body that is no JSON is of a proxy before orchd. */
async function problemOf(answer) {
    try {
        return new Problem(answer.status, await answer.json());
    } catch {
        return new Problem(answer.status, { title: answer.statusText });
    }
}

/* The answer, when it is a good one. path has no slash at its beginning. */
export async function ask(path, { method = "GET", body, headers = {}, signal } = {}) {
    const options = { method, signal, cache: "no-store", headers: { ...headers } };
    if (token.get())
        options.headers.Authorization = `Bearer ${token.get()}`;
    if (body) {
        options.headers["Content-Type"] = "application/json";
        options.body = JSON.stringify(body);
    }
    let answer;
    try {
        answer = await fetch(new URL(path, base), options);
    } catch (why) {
        if (why.name === "AbortError")
            throw why;
        throw new Problem(0, { detail: why.message });
    }
    if (!answer.ok)
        throw await problemOf(answer);
    heardDate(answer.headers.get("Date"));
    return answer;
}

export async function askJson(path, options = {}) {
    const answer = await ask(path, { signal: AbortSignal.timeout(PATIENCE_MS), ...options });
    return answer.json();
}

const isDatabaseAway = (problem) => problem.status === 503 && /database/.test(problem.message);

const quoted = (problem) => sentenceOf(problem.message || `the answer was ${problem.status}`);

/* What happened and what to do. doing: "stop ORCH-042"; again: what doing it once more does. */
export function sentence(problem, doing, again = "Try again in a moment.") {
    switch (problem.status) {
    case 0:
        return `orchd does not answer; it may be restarting. ${again}`;
    case 401:
        return "This token is not known here. Sign in with the reader's or the operator's token of this service.";
    case 403:
        return `This token may only read. To ${doing}, sign out and sign in with the operator's token.`;
    case 409:
        return `Nothing was changed. ${quoted(problem)}`;
    case 502:
    case 504:
        return `The proxy could not reach orchd. ${again}`;
    case 503:
        return isDatabaseAway(problem) ? `orchd cannot reach its database. ${again}` : quoted(problem);
    default:
        return quoted(problem);
    }
}
