/* dialogs: the questions that the page asks: for a token, and whether STOP and unfreeze are meant. And the one line that tells what came of it. */
import { askJson, sentence, token } from "./api.js";
import { byId, setText } from "./dom.js";
import { moment, sentenceOf, workItem } from "./words.js";

const NOTICE_MS = 8000;

let noticed;

export function notice(text) {
    setText(byId("notice"), text);
    clearTimeout(noticed);
    noticed = setTimeout(() => setText(byId("notice"), ""), NOTICE_MS);
}

/* One dialog for every deed that cannot be taken back: it names what it is done to, and shows what came of it or what to do instead. */
class Question {
    constructor() {
        this.dialog = byId("ask");
        byId("ask-form").addEventListener("submit", (event) => this.onYes(event));
        byId("ask-no").addEventListener("click", () => this.dialog.close());
    }

    /* deed: { title, subject, words, hasReason, yes, no, act(reason) → words of the result, fail(problem) → words of the error } */
    open(deed) {
        if (this.dialog.open)
            return;
        this.deed = deed;
        setText(byId("ask-title"), deed.title);
        setText(byId("ask-subject"), deed.subject ?? "");
        setText(byId("ask-words"), deed.words ?? "");
        byId("ask-label").hidden = !deed.hasReason;
        byId("ask-reason").value = "";
        setText(byId("ask-yes"), deed.yes ?? "");
        setText(byId("ask-no"), deed.no ?? "Close");
        setText(byId("ask-error"), "");
        this.say(deed.result ?? "");
        this.dialog.showModal();
        // Where Enter does no harm; the deed is one Tab further.
        byId("ask-no").focus();
    }

    /* With a result there is nothing more to ask. */
    say(result) {
        setText(byId("ask-result"), result);
        byId("ask-yes").hidden = result !== "";
        byId("ask-yes").disabled = false;
        if (result) {
            byId("ask-label").hidden = true;
            setText(byId("ask-words"), "");
            setText(byId("ask-no"), "Close");
            byId("ask-no").focus();
        }
    }

    fail(words) {
        setText(byId("ask-error"), words);
        byId("ask-yes").focus();
    }

    isAsking(deed) {
        return this.dialog.open && this.deed === deed;
    }

    async onYes(event) {
        const deed = this.deed;

        event.preventDefault();
        if (byId("ask-yes").hidden || byId("ask-yes").disabled)
            return;
        byId("ask-yes").disabled = true;
        setText(byId("ask-error"), "");
        try {
            const result = await deed.act(byId("ask-reason").value.trim());
            if (this.isAsking(deed))
                this.say(result);
            else
                notice(result);
        } catch (problem) {
            const words = deed.fail(problem);
            byId("ask-yes").disabled = false;
            if (this.isAsking(deed))
                this.fail(words);
            else
                notice(words);
        }
    }
}

const question = new Question();

/* What the results of orch.stop_task() mean; what follows is its own message. */
const STOP_MEANS = {
    cancelled: "Stopped.",
    deferred: "STOP waits for the deploy to end.",
    already_pending: "It is already asked for, and waits for the deploy to end.",
    already_cancelled: "It is already stopped.",
    already_done: "Too late to stop it.",
};

/* What asking would answer, when the page knows it already; else nothing. */
function knownResult(task) {
    const item = workItem(task);

    if (task.stage === "cancelled")
        return `It is already stopped. ${item} was stopped at ${moment(task.cancelled_at ?? task.finished_at)}; there is nothing left to stop.`;
    if (task.cancel_requested_at)
        return `It is already asked for. A STOP of ${item} waits since ${moment(task.cancel_requested_at)} for its deploy to end; asking again changes nothing.`;
    return "";
}

export function askToStop(task) {
    const item = workItem(task);

    question.open({
        title: `STOP ${item}?`,
        subject: task.title,
        words: "The processes of its agent are ended, its jobs never run again, its worktree and its branch are removed; its documents are kept in the archive."
            + " This is for good. While a deploy is under way, the STOP waits until that has ended.",
        hasReason: true,
        yes: `STOP ${item}`,
        no: "Do not stop it",
        result: knownResult(task),
        async act(reason) {
            const answer = await askJson(`tasks/${task.id}/stop`, { method: "POST", body: { reason: reason || "STOP from the page" } });
            return `${STOP_MEANS[answer.result] ?? ""} ${sentenceOf(answer.message)}`.trim();
        },
        fail: (problem) => sentence(problem, `stop ${item}`, "It is not known whether the STOP took effect: press it again in a moment. Asking twice does no harm."),
    });
}

export function askToUnfreeze(freeze) {
    question.open({
        title: `Unfreeze ${freeze.repo}?`,
        subject: freeze.reason,
        words: `It was frozen by ${freeze.frozen_by} at ${moment(freeze.frozen_at)}. Once unfrozen it takes new tasks again, and those that wait for it start.`,
        hasReason: false,
        yes: `Unfreeze ${freeze.repo}`,
        no: "Leave it frozen",
        act: async () => `${(await askJson("serial-gate/unfreeze", { method: "POST", body: { repo: freeze.repo } })).message}.`,
        fail: (problem) => sentence(problem, `unfreeze ${freeze.repo}`),
    });
}

/* Asks for a token; onGiven() when there is a new one. */
export class SignIn {
    constructor(onGiven) {
        this.dialog = byId("sign-in");
        byId("sign-in-form").addEventListener("submit", (event) => {
            event.preventDefault();
            token.set(byId("token").value.trim(), byId("remember").checked);
            byId("token").value = "";
            this.dialog.close();
            onGiven();
        });
    }

    /* A token that was refused is forgotten. */
    open(error = "") {
        setText(byId("sign-in-error"), error);
        byId("remember").checked = token.isKept();
        token.forget();
        if (!this.dialog.open)
            this.dialog.showModal();
        byId("token").focus();
    }
}
