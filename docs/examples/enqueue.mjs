// Queues jobs with node-postgres: DATABASE_URL=postgresql://… node enqueue.mjs
import pg from "pg";
import { setTimeout as sleep } from "node:timers/promises";

const client = new pg.Client({ connectionString: process.env.DATABASE_URL });
await client.connect();

// The order and the job that writes its invoice, in one transaction: both are there, or neither.
async function placeOrder(customer) {
    await client.query("begin");
    try {
        const order = (await client.query("insert into orders (customer) values ($1) returning id", [customer])).rows[0].id;
        const { rows } = await client.query("select orch.enqueue('invoice', $1, unique_key => $2) as job",
            [`order ${order}`, `invoice of order ${order}`]);
        await client.query("commit");
        return rows[0].job;   // a bigint: node-postgres gives it as a string
    } catch (error) {
        await client.query("rollback");
        throw error;
    }
}

// Many at once, all or none. The numbers come in the order of the jobs.
async function queueAll(jobs) {
    const { rows } = await client.query("select job from orch.enqueue_many($1) as job", [JSON.stringify(jobs)]);
    return rows.map((row) => row.job);
}

// Asks until the job has ended.
async function waitFor(job, seconds) {
    const deadline = Date.now() + seconds * 1000;
    while (Date.now() < deadline) {
        const { rows } = await client.query("select status from orch.job($1)", [job]);
        if (rows.length === 0 || ["done", "failed", "cancelled"].includes(rows[0].status)) return rows[0]?.status;
        await sleep(200);
    }
    throw new Error(`job ${job} has not ended within ${seconds} s`);
}

const job = await placeOrder("Margaret");
console.log("jobs", await queueAll(["March", "April"].map((month) => ({ agent: "invoice", content: month, tags: ["monthly"] }))));
try {
    await queueAll([{ agent: "invoice", max_attempts: 1000 }]);
} catch (error) {
    console.log(error.code, error.message);
}
console.log("job", job, await waitFor(job, 60));
await client.end();
