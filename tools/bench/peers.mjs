// peers: no-op drain and idle pick-up of two queues of the npm registry, with settings in their favour.
//
//   node peers.mjs graphile|pgboss install URL              make its schema
//   node peers.mjs graphile|pgboss drain URL N WARM-UP C    print jobs per second of N jobs after WARM-UP, over C connections
//   node peers.mjs graphile|pgboss pickup URL N FILE        write "JOB NANOSECONDS" a line to FILE for N jobs as they come;
//                                                           FILE.ready appears when it listens
import { EventEmitter } from 'node:events';
import fs from 'node:fs';

const [, , peer, verb, url, count, third, fourth] = process.argv;

function fail(error) {
  console.error(String(error?.message ?? error).split('\n')[0]);
  process.exit(1);
}
process.on('unhandledRejection', fail);
process.on('uncaughtException', fail);

// add(k) answers true when the last of the jobs is done, and prints the rate. Time begins at the end of the warm-up.
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

function tellReady(file) {
  fs.writeFileSync(`${file}.ready`, '');
}

const graphile = {
  async start(worker, noop, events) {
    const { Logger, run } = await import('graphile-worker');
    const logger = new Logger(() => () => {});
    return run({ preset: { worker: { connectionString: url, preparedStatements: true, logger, ...worker } },
      noHandleSignals: true, taskList: { noop }, events });
  },
  async install() {
    const { runMigrations } = await import('graphile-worker');
    await runMigrations({ connectionString: url });
  },
  // A job counts when its handler has run. Its completion may still be under way: that is in its favour, by 500 jobs at the most.
  async drain(jobs, warmUp, connections) {
    const watch = stopwatch(jobs, warmUp);
    const isOver = deferred();
    // One connection more than those that work: it keeps one for LISTEN, and with a pool of one would wait for it for ever.
    await this.start({ concurrentJobs: 100, localQueue: { size: 500 }, maxPoolSize: connections + 1, completeJobBatchDelay: 0,
      failJobBatchDelay: 0 }, () => { if (watch.add(1)) isOver.resolve(); });
    await isOver.promise;
  },
  async pickup(jobs, file) {
    const note = noter(jobs, file);
    const isOver = deferred();
    const events = new EventEmitter();
    events.on('pool:listen:success', () => tellReady(file));
    await this.start({ concurrentJobs: 4, maxPoolSize: 10 }, (_, helpers) => { if (note(helpers.job.id)) isOver.resolve(); }, events);
    await isOver.promise;
  },
};

const pgboss = {
  async start(connections) {
    const module = await import('pg-boss');
    const boss = new (module.PgBoss ?? module.default)({ connectionString: url, max: connections, supervise: false, schedule: false,
      useListenNotify: verb === 'pickup' });
    boss.on('error', fail);
    await boss.start();
    return boss;
  },
  async install() {
    const boss = await this.start(2);
    await boss.createQueue('noop', { notify: true });
  },
  // fetch() and complete(): the quickest way to use it, since work() pauses between two batches.
  async drain(jobs, warmUp, connections) {
    const boss = await this.start(connections);
    const watch = stopwatch(jobs, warmUp);
    let isOver = false;
    const loop = async () => {
      while (!isOver) {
        const batch = await boss.fetch('noop', { batchSize: 100 });
        if (!batch?.length) throw new Error('the queue was empty too early');
        await boss.complete('noop', batch.map((job) => job.id));
        isOver = watch.add(batch.length) || isOver;
      }
    };
    await Promise.all(Array.from({ length: connections }, loop));
  },
  async pickup(jobs, file) {
    const boss = await this.start(4);
    const note = noter(jobs, file);
    const isOver = deferred();
    await boss.work('noop', { pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5, batchSize: 100 }, async (batch) => {
      for (const job of batch) if (note(job.id)) isOver.resolve();
    });
    tellReady(file);
    await isOver.promise;
  },
};

function deferred() {
  const d = {};
  d.promise = new Promise((resolve) => { d.resolve = resolve; });
  return d;
}

const side = { graphile, pgboss }[peer];
if (verb === 'install') await side.install();
else if (verb === 'drain') await side.drain(Number(count), Number(third), Number(fourth));
else await side.pickup(Number(count), third);
process.exit(0);
