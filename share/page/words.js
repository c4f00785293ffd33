/* words: times, sums and names as people read them. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/* What the server's clock is ahead of ours, so that elapsed times are true on a machine whose clock is not. */
let skew = 0;

export function heardDate(header) {
    const told = Date.parse(header ?? "");
    // The header has whole seconds: less than two is no difference.
    if (!Number.isNaN(told))
        skew = Math.abs(told - Date.now()) < 2 * SECOND ? 0 : told - Date.now();
}

export const now = () => Date.now() + skew;

export const two = (number) => String(number).padStart(2, "0");

/* "42s", "4m 12s", "1h 05m", "2d 03h" */
export function span(ms) {
    const t = Math.max(0, ms);
    if (t < MINUTE)
        return `${Math.floor(t / SECOND)}s`;
    if (t < HOUR)
        return `${Math.floor(t / MINUTE)}m ${two(Math.floor((t % MINUTE) / SECOND))}s`;
    if (t < DAY)
        return `${Math.floor(t / HOUR)}h ${two(Math.floor((t % HOUR) / MINUTE))}m`;
    return `${Math.floor(t / DAY)}d ${two(Math.floor((t % DAY) / HOUR))}h`;
}

export const since = (at) => span(now() - Date.parse(at));

/* The same without seconds, for what is not at work: "<1m", "4m", "1h 05m" */
export function age(at) {
    const ms = now() - Date.parse(at);
    return ms < MINUTE ? "<1m" : ms < HOUR ? `${Math.floor(ms / MINUTE)}m` : span(ms);
}

/* "12:03:04" in the reader's time zone */
export function clock(at) {
    const d = new Date(at);
    return `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
}

/* The same, with the day when that is not today: "28 Nov 12:03", "28 Nov 2025" */
export function moment(at) {
    const d = new Date(at);
    const today = new Date();
    if (d.toDateString() === today.toDateString())
        return clock(at);
    const day = `${d.getDate()} ${MONTHS[d.getMonth()]}`;
    return d.getFullYear() === today.getFullYear() ? `${day} ${two(d.getHours())}:${two(d.getMinutes())}` : `${day} ${d.getFullYear()}`;
}

/* "$1.24"; a cost that is known and less than a cent is not nothing. */
export function money(sum) {
    const value = Number(sum);
    if (sum === null || sum === undefined || Number.isNaN(value))
        return "";
    return value > 0 && value < 0.01 ? "<$0.01" : `$${value.toFixed(2)}`;
}

/* "870", "12k", "1.4M" */
export function many(number) {
    const value = Number(number);
    if (value < 1000)
        return String(value);
    if (value < 1e6)
        return `${value < 10000 ? (value / 1000).toFixed(1) : Math.round(value / 1000)}k`;
    return `${(value / 1e6).toFixed(1)}M`;
}

export function size(bytes) {
    return bytes < 1000 ? `${bytes} B` : `${many(bytes)}B`.replace("kB", " kB").replace("MB", " MB");
}

const capitalised = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/* "Deploy staging" */
export const stageName = (stage) => capitalised((stage ?? "").replaceAll("-", " "));

/* What orchd says begins small and has no full stop, so that it can stand in a log. */
export function sentenceOf(words) {
    const whole = capitalised(words);
    return /[.!?)]$/.test(whole) ? whole : `${whole}.`;
}

/* The work item as it was before a STOP put its tombstone on it. */
export const workItem = (task) => task.original_work_item ?? String(task.work_item ?? "").split("#")[0];

/* Boards and forges know people by long ids: the first digits tell two of them apart. The whole text stays in the title. */
export const withShortIds = (text) => text.replace(/\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, "$1…");

export const plural = (count, one, more) => `${count} ${count === 1 ? one : more}`;
