// peers: no-op drain and idle pick-up of two queues of the npm registry, with settings in their favour.
//
//   node peers.mjs graphile|pgboss install URL              make its schema
//   node peers.mjs graphile|pgboss drain URL N WARM-UP C    print jobs per second of N jobs after WARM-UP, over C connections
//   node peers.mjs graphile|pgboss pickup URL N FILE        write "JOB NANOSECONDS" a line to FILE for N jobs as they come
import fs from 'node:fs';

const [, , peer, verb, url, count, third, fourth] = process.argv;

// Calls onDone(k) with the rate when the last of the jobs is done. Time begins at the end of the warm-up.
function stopwatch(jobs, warmUp) {
  let done = 0, began = process.hrtime.bigint(), rate = null;
  return {
    add(k) {
      const before = done;
      done += k;
      if (before < warmUp && done >= warmUp) began = process.hrtime.bigint();
      if (done >= jobs + warmUp && rate === null) {
        rate = jobs / (Number(process.hrtime.bigint() - began) / 1e9);
        console.log(rate.toFixed(1));
      }
      return rate !== null;
    },
  };
}

function noter(jobs, file) {
  const out = fs.openSync(file, 'a');
  let seen = 0;
  return (id) => {
    fs.writeSync(out, `${id} ${process.hrtime.bigint()}\n`);
    seen++;
    return seen >= jobs;
  };
}

const graphile = {
  async options(concurrency, localQueue) {
    const { Logger } = await import('graphile-worker');
    // A job counts as done when its completion is in the database, as it does for the others: completions in batches have an event.
    return {
      preset: { worker: { connectionString: url, concurrentJobs: concurrency, maxPoolSize: 10, pollInterval: 2000, preparedStatements: true,
        logger: new Logger(() => () => {}), completeJobBatchDelay: 0, failJobBatchDelay: 0, ...localQueue } },
      noHandleSignals: true,
    };
  },
  async install() {
    const { runMigrations } = await import('graphile-worker');
    await runMigrations({ connectionString: url });
  },
  async drain(jobs, warmUp, connections) {
    const { run } = await import('graphile-worker');
    const watch = stopwatch(jobs, warmUp);
    const options = await this.options(100, { localQueue: { size: 500 } });
    options.preset.worker.maxPoolSize = connections;
    let over;
    const isOver = new Promise((resolve) => { over = resolve; });
    const runner = await run({ ...options, taskList: { noop: () => { if (watch.add(1)) over(); } } });
    await isOver;
    await runner.stop();
  },
  async pickup(jobs, file) {
    const { run } = await import('graphile-worker');
    const note = noter(jobs, file);
    let over;
    const isOver = new Promise((resolve) => { over = resolve; });
    const runner = await run({ ...(await this.options(4, {})), taskList: { noop: (_, helpers) => { if (note(helpers.job.id)) over(); } } });
    await isOver;
    await runner.stop();
  },
};

const pgboss = {
  async start(connections) {
    const { default: PgBoss } = await import('pg-boss');
    const boss = new PgBoss({ connectionString: url, max: connections, supervise: false, schedule: false });
    boss.on('error', (error) => { console.error(error); process.exit(1); });
    await boss.start();
    return boss;
  },
  async install() {
    const boss = await this.start(2);
    await boss.createQueue('noop');
    await boss.stop({ graceful: false });
  },
  // fetch() and complete(): the quickest way to use it, since work() pauses for half a second or more between two batches.
  async drain(jobs, warmUp, connections) {
    const boss = await this.start(connections);
    const watch = stopwatch(jobs, warmUp);
    let isOver = false;
    const loop = async () => {
      while (!isOver) {
        const batch = await boss.fetch('noop', { batchSize: 100 });
        if (batch.length) await boss.complete('noop', batch.map((job) => job.id));
        isOver = watch.add(batch.length) || isOver;
      }
    };
    await Promise.all(Array.from({ length: connections }, loop));
    await boss.stop({ graceful: false });
  },
  async pickup(jobs, file) {
    const boss = await this.start(4);
    const note = noter(jobs, file);
    let over;
    const isOver = new Promise((resolve) => { over = resolve; });
    await boss.work('noop', { pollingIntervalSeconds: 0.5, batchSize: 4 }, async (batch) => {
      for (const job of batch) if (note(job.id)) over();
    });
    await isOver;
    await boss.stop({ graceful: false });
  },
};

const side = { graphile, pgboss }[peer];
if (verb === 'install') await side.install();
else if (verb === 'drain') await side.drain(Number(count), Number(third), Number(fourth));
else await side.pickup(Number(count), third);
process.exit(0);
